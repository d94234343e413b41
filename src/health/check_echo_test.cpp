#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "health/check.h"
#include "health/check_tools.h"
#include "health/echo_packet.h"
#include "health/exchange.h"
#include "health/test_servers.h"

// Checks by ICMP echo. They need root.

namespace shoal::health {
namespace {

using testing::HasSubstr;

constexpr Milliseconds long_enough{10'000};

net::Address address(const char* text) {
    return net::Address::parse(text).value();
}

Question echo_to(const char* to) {
    Question question;
    question.address = address(to);
    question.monitor.type = model::MonitorType::icmp;
    return question;
}

/// A loop of its own, for the network namespace it is made in.
class Director {
  public:
    CheckResult check(const Question& question, Milliseconds timeout = long_enough) {
        std::optional<CheckResult> result;
        const Check check(tools_, std::make_shared<Question>(question), timeout,
                          [&](const CheckResult& done) { result = done; });
        EXPECT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
        return result.value_or(CheckResult{});
    }
    asio::io_context& loop() { return loop_; }
    CheckTools& tools() { return tools_; }

  private:
    asio::io_context loop_;
    CheckTools tools_{loop_};
};

void in_own_network(const char* commands, const std::function<void()>& test) {
    std::thread([&] {
        ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "needs root";
        ASSERT_EQ(std::system(commands), 0);
        test();
    }).join();
}

TEST(CheckEcho, loopback_answers_in_both_families) {
    Director director;
    for (const auto* to : {"127.0.0.1", "::1", "127.1.2.3"}) {
        const auto result = director.check(echo_to(to));
        EXPECT_EQ(result.outcome, Outcome::answered) << to << ": " << result.reason;
    }
}

TEST(CheckEcho, a_black_hole_is_silence) {
    in_own_network(
        "ip link add hole type veth peer name end && ip link set hole arp off up && "
        "ip link set end up && "
        "ip addr add 192.0.2.254/24 dev hole && ip addr add 2001:db8::1/64 dev hole nodad",
        [] {
            Director director;
            for (const auto* to : {"192.0.2.1", "2001:db8::2"}) {
                const auto result = director.check(echo_to(to), Milliseconds(100));
                EXPECT_EQ(result.outcome, Outcome::silent) << to;
                EXPECT_EQ(result.reason, "no answer within 100 ms");
            }
        });
}

TEST(CheckEcho, no_route_is_a_definite_failure) {
    in_own_network("ip link set lo up && ip route add unreachable 192.0.2.0/24", [] {
        Director director;
        EXPECT_EQ(director.check(echo_to("192.0.2.1")).reason, "no route to host");
        EXPECT_EQ(director.check(echo_to("198.51.100.1")).reason, "no route to its network");
    });
}

TEST(CheckEcho, a_router_that_says_unreachable_is_believed) {
    in_own_network(
        "ip link set lo up && ip link add near type veth peer name far && "
        "ip link set near up && ip link set far up && ip addr add 192.0.2.254/24 dev near && "
        // Nobody has this address: the neighbour is not found, which the kernel says by ICMP.
        "echo 1 > /proc/sys/net/ipv4/neigh/near/mcast_solicit && "
        "echo 100 > /proc/sys/net/ipv4/neigh/near/retrans_time_ms",
        [] {
            Director director;
            const auto result = director.check(echo_to("192.0.2.1"));
            EXPECT_EQ(result.outcome, Outcome::failed);
            EXPECT_THAT(result.reason, HasSubstr("cannot be reached"));
        });
}

TEST(CheckEcho, the_source_is_the_one_that_is_set) {
    Director director;
    auto question = echo_to("127.0.0.1");
    question.monitor.source = address("127.0.0.9");
    EXPECT_EQ(director.check(question).outcome, Outcome::answered);
    question.monitor.source = address("192.0.2.9");
    const auto result = director.check(question);
    EXPECT_EQ(result.outcome, Outcome::not_asked);
    EXPECT_THAT(result.reason, HasSubstr("192.0.2.9"));
}

TEST(CheckEcho, many_wait_at_once_and_each_gets_its_own_answer) {
    Director director;
    constexpr int servers = 500;
    std::vector<std::unique_ptr<Check>> checks;
    int answered = 0;
    int others = 0;
    for (int number = 0; number < servers; ++number) {
        const auto to = "127.1.1." + std::to_string(number % 250 + 1);
        checks.push_back(std::make_unique<Check>(
            director.tools(), std::make_shared<Question>(echo_to(to.c_str())), long_enough,
            [&](const CheckResult& result) {
                ++(result.outcome == Outcome::answered ? answered : others);
            }));
    }
    ASSERT_TRUE(run_until(director.loop(), [&] { return answered + others == servers; }));
    EXPECT_EQ(others, 0);
    checks.clear();
    director.loop().restart();
    director.loop().run();  // comes back only when nothing is waited for
}

/// The reply to a message, as the raw socket of its family gives it.
std::string reply_to(const EchoRequest& request) {
    auto message = echo_message(request);
    message[0] = static_cast<char>(request.to.is_v6() ? 129 : 0);
    if (request.to.is_v6()) return message;
    std::string header(20, '\0');
    header[0] = 0x45;
    header[9] = 1;
    return header + message;
}

TEST(EchoPacket, a_reply_names_its_request) {
    for (const auto* to : {"192.0.2.1", "2001:db8::1"}) {
        const EchoRequest request{address(to), 0x1234, 0x5678, 0x1122334455667788};
        const auto reply = reply_to(request);
        const auto news = request.to.is_v6() ? read_echo_v6(reply) : read_echo_v4(reply);
        ASSERT_TRUE(news) << to;
        EXPECT_TRUE(news->is_reply);
        EXPECT_EQ(news->identifier, 0x1234);
        EXPECT_EQ(news->sequence, 0x5678);
        EXPECT_EQ(news->token, request.token);
    }
}

TEST(EchoPacket, an_error_names_the_request_it_quotes) {
    const EchoRequest request{address("192.0.2.1"), 1, 2, 3};
    std::string quoted(20, '\0');
    quoted[0] = 0x45;
    quoted[9] = 1;
    std::memcpy(quoted.data() + 16, request.to.bytes().data(), 4);
    quoted += echo_message(request);
    const std::string error = std::string("\x45", 1) + std::string(19, '\0') +
                              std::string("\3\1\0\0\0\0\0\0", 8) + quoted;
    const auto news = read_echo_v4(error);
    ASSERT_TRUE(news);
    EXPECT_FALSE(news->is_reply);
    EXPECT_EQ(news->to, request.to);
    EXPECT_EQ(news->sequence, 2);
    EXPECT_EQ(news->token, 3U);
    // RFC 792 lets a router quote no more than eight bytes of it.
    const auto shorter = read_echo_v4(std::string_view(error).substr(0, error.size() - 8));
    ASSERT_TRUE(shorter);
    EXPECT_FALSE(shorter->token);
    EXPECT_FALSE(read_echo_v4(std::string_view(error).substr(0, error.size() - 9)));
}

TEST(EchoPacket, what_is_cut_or_something_else_says_nothing) {
    for (const auto* to : {"192.0.2.1", "2001:db8::1"}) {
        const EchoRequest request{address(to), 1, 2, 3};
        const auto reply = reply_to(request);
        const auto read = request.to.is_v6() ? read_echo_v6 : read_echo_v4;
        for (std::size_t size = 0; size < reply.size(); ++size)
            EXPECT_FALSE(read(std::string_view(reply).substr(0, size))) << to << " " << size;
        EXPECT_FALSE(read(reply + "more"));
    }
    EXPECT_FALSE(read_echo_v4(std::string(28, '\x4f'))) << "its header is longer than the packet";
}

}  // namespace
}  // namespace shoal::health

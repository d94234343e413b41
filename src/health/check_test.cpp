#include "health/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "health/check_reason.h"
#include "health/check_tools.h"
#include "health/exchange.h"
#include "health/test_servers.h"

namespace shoal::health {

void PrintTo(const CheckResult& result, std::ostream* stream) {
    *stream << "outcome " << static_cast<int>(result.outcome) << ", \"" << result.reason << '"';
}

namespace {

using testing::HasSubstr;

MATCHER_P2(is, outcome, reason, "") {
    return arg.outcome == outcome && arg.reason == reason;
}

const auto is_answered = is(Outcome::answered, "");

constexpr Milliseconds long_enough{5000};

/// What is asked, and how long the answer may take.
struct Probe {
    Question question;
    Milliseconds timeout;
};

Probe probe(std::uint16_t port, std::string send = {}, std::string expect = {},
            Milliseconds timeout = long_enough) {
    Question question;
    question.address = net::Address::parse("127.0.0.1").value();
    question.port = port;
    question.monitor.send = std::move(send);
    question.monitor.expect = std::move(expect);
    return {std::move(question), timeout};
}

Probe over_udp(Probe probe) {
    probe.question.protocol = model::Protocol::udp;
    return probe;
}

constexpr Milliseconds soon{300};

class CheckTest : public testing::Test {
  protected:
    std::unique_ptr<Check> begin(const Probe& what, Check::OnDone on_done) {
        return std::make_unique<Check>(tools_, std::make_shared<Question>(what.question),
                                       what.timeout, std::move(on_done));
    }
    CheckResult check(const Probe& what) {
        std::optional<CheckResult> result;
        const auto check = begin(what, [&](const CheckResult& done) { result = done; });
        EXPECT_FALSE(result) << "called from within the constructor";
        EXPECT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
        return result.value_or(CheckResult{});
    }
    /// A server that says `text` to everybody and keeps the connection open.
    TcpServer::Behaviour saying(std::string text) {
        return [this, text](const TcpServer::Connection& connection) {
            asio::write(*connection, asio::buffer(text));
            kept_.push_back(connection);
        };
    }

    asio::io_context loop_;
    CheckTools tools_{loop_};
    std::vector<TcpServer::Connection> kept_;
};

TEST_F(CheckTest, an_open_port_is_enough_where_nothing_is_expected) {
    const TcpServer server(loop_, saying(""));
    EXPECT_THAT(check(probe(server.port())), is_answered);
}

TEST_F(CheckTest, a_closed_port_refuses) {
    const ClosedPort closed(loop_);
    EXPECT_THAT(check(probe(closed.port())), is(Outcome::failed, "connection refused"));
}

TEST_F(CheckTest, dropped_syns_are_silence) {
    const FullPort full(loop_);
    EXPECT_THAT(check(probe(full.port(), "", "", soon)),
                is(Outcome::silent, "no answer within 300 ms"));
}

TEST_F(CheckTest, an_accepted_connection_without_a_word_is_silence) {
    const TcpServer server(loop_, saying(""));
    EXPECT_THAT(check(probe(server.port(), "", "HTTP", soon)),
                is(Outcome::silent, "connected, but no answer within 300 ms"));
}

TEST_F(CheckTest, the_server_gets_exactly_what_is_to_be_sent) {
    std::string received;
    const TcpServer server(loop_, [&](const TcpServer::Connection& connection) {
        received.resize(18);
        asio::async_read(*connection, asio::buffer(received),
                         [connection](boost::system::error_code, std::size_t) {
                             asio::write(*connection, asio::buffer("HTTP/1.1 200 OK\r\n", 17));
                         });
    });
    EXPECT_THAT(check(probe(server.port(), "GET / HTTP/1.0\r\n\r\n", "HTTP")), is_answered);
    EXPECT_EQ(received, "GET / HTTP/1.0\r\n\r\n");
}

TEST_F(CheckTest, a_request_larger_than_the_socket_takes_at_once_is_sent_whole) {
    const std::string request(8'000'000, 'x');
    std::string received(request.size(), ' ');
    const TcpServer server(loop_, [&](const TcpServer::Connection& connection) {
        asio::async_read(*connection, asio::buffer(received),
                         [connection](boost::system::error_code, std::size_t) {
                             asio::write(*connection, asio::buffer("OK", 2));
                         });
    });
    EXPECT_THAT(check(probe(server.port(), request, "OK")), is_answered);
    EXPECT_EQ(received, request);
}

TEST_F(CheckTest, an_answer_may_come_in_many_segments) {
    const TcpServer server(loop_, [](const TcpServer::Connection& connection) {
        send_in_pieces(connection, "220 ready");
    });
    EXPECT_THAT(check(probe(server.port(), "", "220 ready")), is_answered);
}

TEST_F(CheckTest, a_wrong_answer_fails_at_its_first_wrong_byte) {
    // The servers send no more, and do not close: only the byte itself can decide.
    const TcpServer wrong(loop_, saying("HTTX/1.0"));
    EXPECT_THAT(check(probe(wrong.port(), "", "HTTP")),
                is(Outcome::failed, R"(answered "HTTX/1.0" instead of "HTTP")"));
    const TcpServer short_and_wrong(loop_, saying("X"));
    EXPECT_THAT(check(probe(short_and_wrong.port(), "", "HTTP")),
                is(Outcome::failed, R"(answered "X" instead of "HTTP")"));
}

TEST_F(CheckTest, half_an_answer_is_silence) {
    const TcpServer server(loop_, saying("HT"));
    EXPECT_THAT(check(probe(server.port(), "", "HTTP", soon)),
                is(Outcome::silent, R"(answered only "HT" within 300 ms)"));
}

TEST_F(CheckTest, a_connection_closed_before_the_answer_is_a_wrong_answer) {
    const TcpServer server(loop_, [](const TcpServer::Connection&) {});
    EXPECT_THAT(check(probe(server.port(), "", "HTTP")),
                is(Outcome::failed, "closed before answering"));
    const TcpServer half(loop_, [](const TcpServer::Connection& connection) {
        asio::write(*connection, asio::buffer("HT", 2));
    });
    EXPECT_THAT(check(probe(half.port(), "", "HTTP")),
                is(Outcome::failed, R"(closed after answering "HT" instead of "HTTP")"));
}

TEST_F(CheckTest, a_reset_connection_fails) {
    const TcpServer server(loop_, [](const TcpServer::Connection& connection) {
        connection->set_option(tcp::socket::linger(true, 0));
        connection->close();
    });
    EXPECT_THAT(check(probe(server.port(), "", "HTTP")), is(Outcome::failed, "connection reset"));
}

TEST_F(CheckTest, an_answer_that_came_in_time_counts_however_late_it_is_read) {
    tcp::acceptor acceptor(loop_, loopback());
    std::optional<CheckResult> result;
    const auto check = begin(probe(acceptor.local_endpoint().port(), "", "HTTP", Milliseconds(1)),
                             [&](const CheckResult& done) { result = done; });
    auto connection = acceptor.accept();
    asio::write(connection, asio::buffer("HTTP", 4));
    std::this_thread::sleep_for(Milliseconds(10));  // the loop is held up, beyond the timeout
    ASSERT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
    EXPECT_THAT(*result, is_answered);
}

TEST_F(CheckTest, a_director_that_stood_still_heard_no_silence) {
    tcp::acceptor acceptor(loop_, loopback());
    std::optional<CheckResult> result;
    const auto check = begin(probe(acceptor.local_endpoint().port(), "", "HTTP", Milliseconds(1)),
                             [&](const CheckResult& done) { result = done; });
    std::this_thread::sleep_for(Milliseconds(1200));
    ASSERT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
    EXPECT_EQ(result->outcome, Outcome::not_asked);
    EXPECT_THAT(result->reason, ::testing::StartsWith("the director itself stood still for 1"));
}

TEST_F(CheckTest, a_check_given_up_says_nothing_and_leaves_no_work) {
    const TcpServer::Behaviour silent = saying("");
    for (const bool connected : {false, true}) {
        asio::io_context loop;
        CheckTools tools(loop);
        auto server = std::make_unique<TcpServer>(loop, silent);
        bool called = false;
        const auto question = std::make_shared<Question>(probe(server->port(), "", "X").question);
        auto check = std::make_unique<Check>(tools, question, long_enough,
                                             [&](const CheckResult&) { called = true; });
        if (connected) ASSERT_TRUE(run_until(loop, [&] { return server->accepted() == 1; }));
        check.reset();
        server.reset();
        loop.restart();
        loop.run();  // comes back only when nothing is waited for
        EXPECT_FALSE(called);
        kept_.clear();
    }
}

TEST_F(CheckTest, a_check_may_be_given_up_from_its_own_result) {
    const TcpServer server(loop_, saying(""));
    std::unique_ptr<Check> check;
    bool done = false;
    check = begin(probe(server.port()), [&](const CheckResult&) {
        check.reset();
        done = true;
    });
    EXPECT_TRUE(run_until(loop_, [&] { return done; }));
}

TEST_F(CheckTest, udp_wants_an_answer_that_begins_right) {
    const UdpServer server(loop_, "pong 1");
    EXPECT_THAT(check(over_udp(probe(server.port(), "ping", "pong"))), is_answered);
    EXPECT_THAT(server.received(), testing::ElementsAre("ping"));
    EXPECT_THAT(check(over_udp(probe(server.port(), "ping"))), is_answered);
    EXPECT_THAT(check(over_udp(probe(server.port(), "ping", "pung"))),
                is(Outcome::failed, R"(answered "pong 1" instead of "pung")"));
    EXPECT_THAT(check(over_udp(probe(server.port(), "ping", "pong 1 and more"))),
                is(Outcome::failed, R"(answered "pong 1" instead of "pong 1 and more")"));
}

TEST_F(CheckTest, udp_tells_a_closed_port_from_silence) {
    const UdpServer silent(loop_, "");
    EXPECT_THAT(check(over_udp(probe(silent.port(), "ping", "", soon))),
                is(Outcome::silent, "no answer within 300 ms"));
    const ClosedPort closed(loop_);
    EXPECT_THAT(check(over_udp(probe(closed.port(), "ping", "pong"))),
                is(Outcome::failed, "connection refused"));
}

TEST_F(CheckTest, udp_without_an_exchange_only_sees_whether_the_port_is_closed) {
    const UdpServer silent(loop_, "");
    EXPECT_THAT(check(over_udp(probe(silent.port(), "", "", soon))), is_answered);
    const ClosedPort closed(loop_);
    EXPECT_THAT(check(over_udp(probe(closed.port(), "", ""))),
                is(Outcome::failed, "connection refused"));
}

TEST_F(CheckTest, ipv6_is_checked_alike) {
    const TcpServer server(loop_, saying("HTTP"), {asio::ip::address_v6::loopback(), 0});
    auto what = probe(server.port(), "", "HTTP");
    what.question.address = net::Address::parse("::1").value();
    EXPECT_THAT(check(what), is_answered);
    what.question.protocol = model::Protocol::udp;
    EXPECT_THAT(check(what), is(Outcome::failed, "connection refused"));
}

TEST_F(CheckTest, unreachable_is_a_definite_failure) {
    // A thread in a network namespace of its own, with one unreachable network and no other route.
    std::thread([this] {
        ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "needs root";
        ASSERT_EQ(std::system("ip link set lo up && ip route add unreachable 192.0.2.0/24"), 0);
        for (const auto protocol : {model::Protocol::tcp, model::Protocol::udp}) {
            auto what = probe(80, "ping", "pong");
            what.question.protocol = protocol;
            what.question.address = net::Address::parse("192.0.2.1").value();
            EXPECT_THAT(check(what), is(Outcome::failed, "no route to host"));
            what.question.address = net::Address::parse("198.51.100.1").value();
            EXPECT_THAT(check(what), is(Outcome::failed, "no route to its network"));
        }
    }).join();
}

TEST_F(CheckTest, a_director_out_of_descriptors_says_so_and_blames_no_server) {
    const TcpServer server(loop_, saying(""));
    rlimit usual{};
    getrlimit(RLIMIT_NOFILE, &usual);
    const rlimit none{.rlim_cur = 0, .rlim_max = usual.rlim_max};
    std::optional<CheckResult> result;
    setrlimit(RLIMIT_NOFILE, &none);
    const auto check = begin(probe(server.port()), [&](const CheckResult& done) { result = done; });
    setrlimit(RLIMIT_NOFILE, &usual);
    ASSERT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
    EXPECT_EQ(result->outcome, Outcome::not_asked);
    EXPECT_THAT(result->reason, HasSubstr("the director cannot check: "));
}

TEST(CheckReason, shows_any_bytes_on_one_line) {
    EXPECT_EQ(in_quotes("220 \"ok\"\r\n\t\\"), R"("220 \"ok\"\r\n\t\\")");
    EXPECT_EQ(in_quotes(std::string_view("\0\xff\x7f", 3)), R"("\x00\xff\x7f")");
    EXPECT_EQ(in_quotes(std::string(33, 'a')), '"' + std::string(32, 'a') + "...\"");
}

TEST(CheckReason, names_times_as_the_configuration_does) {
    EXPECT_EQ(in_words(Milliseconds(300)), "300 ms");
    EXPECT_EQ(in_words(Milliseconds(1000)), "1 s");
    EXPECT_EQ(in_words(Milliseconds(1500)), "1.5 s");
}

}  // namespace
}  // namespace shoal::health

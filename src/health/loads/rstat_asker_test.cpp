#include "health/loads/rstat_asker.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "health/test_servers.h"

namespace shoal::health {
namespace {

using Words = std::vector<std::uint32_t>;

std::string bytes_of(const Words& words) {
    std::string bytes;
    for (const auto word : words) {
        for (const int shift : {24, 16, 8, 0})
            bytes.push_back(static_cast<char>(word >> shift));
    }
    return bytes;
}

Words words_of(const std::string& bytes) {
    Words words;
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
        std::uint32_t word = 0;
        for (std::size_t i = 0; i < 4; ++i)
            word = word << 8 | static_cast<unsigned char>(bytes[at + i]);
        words.push_back(word);
    }
    return words;
}

/// Answers calls of RPC: what follows the call's number, or nothing.
class RpcServer {
  public:
    using Answer = std::function<std::optional<Words>(const Words& call)>;

    /// `asker`: where to write down who asks, before the answer.
    RpcServer(asio::io_context& loop, Answer answer, udp::endpoint* asker = nullptr)
        : socket_(loop, udp::endpoint(asio::ip::address_v4::loopback(), 0)),
          asker_(asker),
          answer_(std::move(answer)) {
        receive();
    }
    std::uint16_t port() const { return socket_.local_endpoint().port(); }
    const std::vector<Words>& calls() const { return calls_; }

  private:
    void receive() {
        socket_.async_receive_from(asio::buffer(buffer_), from_,
                                   [this](boost::system::error_code error, std::size_t size) {
                                       if (error) return;
                                       if (asker_ != nullptr) *asker_ = from_;
                                       calls_.push_back(words_of({buffer_.data(), size}));
                                       if (auto answer = answer_(calls_.back())) {
                                           answer->insert(answer->begin(), calls_.back()[0]);
                                           socket_.send_to(asio::buffer(bytes_of(*answer)), from_);
                                       }
                                       receive();
                                   });
    }

    udp::socket socket_;
    udp::endpoint from_;
    udp::endpoint* asker_;
    std::array<char, 2048> buffer_{};
    Answer answer_;
    std::vector<Words> calls_;
};

/// Accepted, without an authenticator.
Words success(Words results) {
    const Words head{1, 0, 0, 0, 0};
    results.insert(results.begin(), head.begin(), head.end());
    return results;
}

Words statistics(std::uint32_t load) {
    Words results(18, 0);
    results.insert(results.end(), {load, 0, 0, 0, 0, 0, 0, 0});
    return success(results);
}

constexpr std::size_t called_version = 4;
/// So long that nothing is sent again within a test.
constexpr Milliseconds patience{60'000};

class RstatAskerTest : public testing::Test {
  protected:
    std::string ask(std::uint16_t port, std::uint16_t portmapper, Milliseconds timeout = patience) {
        std::optional<std::string> said;
        asker_.ask(*net::Address::parse("127.0.0.1"), port, portmapper, timeout,
                   [&](const Result<LoadReading>& reading) {
                       said = reading ? std::to_string(*reading->load) : reading.error().message;
                   });
        EXPECT_FALSE(said);
        EXPECT_TRUE(run_until(loop_, [&] { return said.has_value(); }));
        return said.value_or("");
    }

    asio::io_context loop_;
    RstatAsker asker_{loop_};
    udp::endpoint overheard_from_;
};

TEST_F(RstatAskerTest, asks_where_the_portmapper_says_and_remembers_it) {
    RpcServer rstatd(loop_, [](const Words&) { return statistics(384); });
    RpcServer portmapper(loop_, [&](const Words&) { return success({rstatd.port()}); });
    EXPECT_EQ(ask(0, portmapper.port()), "1.500000");
    EXPECT_EQ(ask(0, portmapper.port()), "1.500000");
    EXPECT_EQ(portmapper.calls().size(), 1U);
    EXPECT_EQ(rstatd.calls().size(), 2U);
}

TEST_F(RstatAskerTest, asks_for_other_versions_when_there_is_no_usual_one) {
    RpcServer rstatd(loop_, [](const Words&) { return statistics(256); });
    RpcServer portmapper(loop_, [&](const Words& call) {
        // Its first argument but one is the version.
        return success({call[11] == 2 ? rstatd.port() : 0U});
    });
    EXPECT_EQ(ask(0, portmapper.port()), "1.000000");
    EXPECT_EQ(rstatd.calls().at(0)[called_version], 2U);
}

TEST_F(RstatAskerTest, goes_to_the_version_that_rstatd_speaks) {
    RpcServer rstatd(loop_, [](const Words& call) {
        if (call[called_version] != 2) return Words{1, 0, 0, 0, 2, 1, 2};
        return statistics(128);
    });
    EXPECT_EQ(ask(rstatd.port(), 1), "0.500000");
}

TEST_F(RstatAskerTest, gives_up_where_rstatd_speaks_no_version_with_loads) {
    RpcServer old(loop_, [](const Words&) { return Words{1, 0, 0, 0, 2, 1, 1}; });
    EXPECT_EQ(ask(old.port(), 1), "rstatd speaks only the versions 1 to 1");
    RpcServer liar(loop_, [](const Words&) { return Words{1, 0, 0, 0, 2, 3, 3}; });
    EXPECT_EQ(ask(liar.port(), 1), "rstatd contradicts itself about its versions");
    RpcServer swinger(loop_, [](const Words& call) {
        const auto other = call[called_version] == 3 ? 4U : 3U;
        return Words{1, 0, 0, 0, 2, other, other};
    });
    EXPECT_EQ(ask(swinger.port(), 1), "portmapper and rstatd contradict each other");
}

TEST_F(RstatAskerTest, says_what_the_portmapper_lacks) {
    RpcServer empty(loop_, [](const Words&) { return success({0}); });
    EXPECT_EQ(ask(0, empty.port()), "rstatd is not registered with the portmapper");
    RpcServer broken(loop_, [](const Words&) { return success({70'000}); });
    EXPECT_EQ(ask(0, broken.port()), "the portmapper's answer is broken");
    RpcServer denies(loop_, [](const Words&) { return Words{1, 1, 1, 5}; });
    EXPECT_EQ(ask(0, denies.port()), "the portmapper refuses to answer");
}

TEST_F(RstatAskerTest, says_what_is_wrong_with_the_statistics) {
    RpcServer absurd(loop_, [](const Words&) { return statistics(0xFFFFFF00); });
    EXPECT_EQ(ask(absurd.port(), 1), "-1 cannot be a load");
    RpcServer cut(loop_, [](const Words&) { return success({1, 2, 3}); });
    EXPECT_EQ(ask(cut.port(), 1), "rstatd's answer is broken");
}

TEST_F(RstatAskerTest, asks_again_when_a_datagram_is_lost) {
    int calls = 0;
    RpcServer rstatd(loop_, [&](const Words&) -> std::optional<Words> {
        if (++calls == 1) return std::nullopt;
        return statistics(256);
    });
    EXPECT_EQ(ask(rstatd.port(), 1, Milliseconds(2000)), "1.000000");
}

TEST_F(RstatAskerTest, gives_up_after_the_timeout) {
    RpcServer silent(loop_, [](const Words&) -> std::optional<Words> { return std::nullopt; });
    EXPECT_EQ(ask(silent.port(), 1, Milliseconds(100)), "rstatd did not answer within 100 ms");
    EXPECT_EQ(ask(0, silent.port(), Milliseconds(100)),
              "the portmapper did not answer within 100 ms");
}

TEST_F(RstatAskerTest, finds_a_rstatd_that_was_started_again_elsewhere) {
    auto first = std::make_unique<RpcServer>(loop_, [](const Words&) { return statistics(256); });
    auto port = first->port();
    RpcServer portmapper(loop_, [&](const Words&) { return success({port}); });
    EXPECT_EQ(ask(0, portmapper.port()), "1.000000");
    RpcServer second(loop_, [](const Words&) { return statistics(512); });
    first.reset();
    port = second.port();
    EXPECT_NE(ask(0, portmapper.port(), Milliseconds(100)), "1.000000");
    EXPECT_EQ(ask(0, portmapper.port()), "2.000000");
}

TEST_F(RstatAskerTest, believes_nobody_but_whom_it_asked) {
    // Knows the number and the asker's port, but speaks from another port than the one asked.
    udp::socket stranger(loop_, udp::endpoint(asio::ip::address_v4::loopback(), 0));
    RpcServer overheard(
        loop_,
        [&](const Words& call) -> std::optional<Words> {
            auto answer = statistics(256);
            answer.insert(answer.begin(), call[0]);
            stranger.send_to(asio::buffer(bytes_of(answer)), overheard_from_);
            return std::nullopt;
        },
        &overheard_from_);
    EXPECT_EQ(ask(overheard.port(), 1, Milliseconds(200)), "rstatd did not answer within 200 ms");
    EXPECT_FALSE(overheard.calls().empty());
}

TEST_F(RstatAskerTest, keeps_many_questions_apart) {
    std::vector<std::unique_ptr<RpcServer>> servers;
    std::vector<std::optional<double>> loads(50);
    for (std::uint32_t i = 0; i < loads.size(); ++i) {
        servers.push_back(
            std::make_unique<RpcServer>(loop_, [i](const Words&) { return statistics(i * 256); }));
        asker_.ask(*net::Address::parse("127.0.0.1"), servers.back()->port(), 1, patience,
                   [&loads, i](const Result<LoadReading>& reading) {
                       if (reading) loads[i] = reading->load;
                   });
    }
    EXPECT_TRUE(run_until(loop_, [&] {
        return std::ranges::all_of(loads, [](const auto& load) { return load.has_value(); });
    }));
    for (std::size_t i = 0; i < loads.size(); ++i)
        EXPECT_EQ(loads[i], static_cast<double>(i));
}

TEST_F(RstatAskerTest, calls_nobody_once_it_is_gone) {
    RpcServer silent(loop_, [](const Words&) -> std::optional<Words> { return std::nullopt; });
    auto asker = std::make_unique<RstatAsker>(loop_);
    bool called = false;
    asker->ask(*net::Address::parse("127.0.0.1"), silent.port(), 1, Milliseconds(50),
               [&](const Result<LoadReading>&) { called = true; });
    asker.reset();
    loop_.restart();
    loop_.run_for(milliseconds(100));
    EXPECT_FALSE(called);
}

}  // namespace
}  // namespace shoal::health

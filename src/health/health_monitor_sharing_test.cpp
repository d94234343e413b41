#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/clock.h"
#include "health/health_monitor.h"
#include "health/test_servers.h"

// What many targets have in common: shared checks, checks out of turn, and failures in numbers.

namespace shoal::health {
namespace {

using model::Health;
using testing::HasSubstr;

class SharedChecks : public testing::Test {
  protected:
    static Target target(TargetId id, std::uint16_t port) {
        Target made{.id = std::move(id),
                    .address = net::Address::parse("127.0.0.1").value(),
                    .port = port,
                    .protocol = model::Protocol::tcp,
                    .monitor = {},
                    .service_timeout = milliseconds(1000),
                    .reentry_time = milliseconds(0),
                    .interval = milliseconds(20),
                    .timeout = milliseconds(10'000)};
        made.monitor.expect = "OK";
        return made;
    }
    TcpServer::Behaviour saying_ok() {
        return [](const TcpServer::Connection& connection) {
            boost::system::error_code ignored;  // a check may be given up meanwhile
            asio::write(*connection, asio::buffer("OK", 2), ignored);
        };
    }
    const Verdict& verdict(const TargetId& id) const { return monitor_.view().at(id); }
    bool becomes(const TargetId& id, Health health) {
        return run_until(loop_, [&] { return reported_.contains(id) && reported_[id] == health; });
    }

    asio::io_context loop_;
    std::map<TargetId, Health> reported_;
    HealthMonitor monitor_{loop_, [this](const TargetId& id, const Verdict& verdict) {
                               reported_[id] = verdict.health;
                           }};
    const TargetId web_{"web", "server-1"};
    const TargetId shop_{"shop", "server-1"};
};

TEST_F(SharedChecks, one_check_serves_all_who_ask_the_same) {
    auto server = std::make_unique<TcpServer>(loop_, saying_ok());
    monitor_.set_targets({target(web_, server->port()), target(shop_, server->port())}, {});
    ASSERT_TRUE(becomes(web_, Health::up));
    ASSERT_TRUE(becomes(shop_, Health::up));
    ASSERT_TRUE(run_until(loop_, [&] { return verdict(shop_).checks >= 10; }));
    EXPECT_EQ(verdict(web_).checks, verdict(shop_).checks);
    EXPECT_EQ(static_cast<int>(verdict(web_).checks), server->accepted());
    server.reset();
    EXPECT_TRUE(becomes(web_, Health::down));
    EXPECT_TRUE(becomes(shop_, Health::down));
}

TEST_F(SharedChecks, who_asks_otherwise_is_checked_by_itself) {
    const TcpServer server(loop_, saying_ok());
    auto strict = target(shop_, server.port());
    monitor_.set_targets({target(web_, server.port()), strict}, {});
    ASSERT_TRUE(becomes(shop_, Health::up));
    strict.monitor.expect = "SHOP";
    monitor_.set_targets({target(web_, server.port()), strict}, {});
    EXPECT_EQ(verdict(shop_).health, Health::up) << "until it is found to be wrong";
    ASSERT_TRUE(becomes(shop_, Health::down));
    EXPECT_EQ(verdict(web_).health, Health::up);
    strict.monitor.expect = "OK";
    monitor_.set_targets({target(web_, server.port()), strict}, {});
    EXPECT_TRUE(becomes(shop_, Health::up)) << "it shares again";
}

TEST_F(SharedChecks, who_joins_later_knows_at_once) {
    const TcpServer server(loop_, saying_ok());
    monitor_.set_targets({target(web_, server.port())}, {});
    ASSERT_TRUE(becomes(web_, Health::up));
    monitor_.set_targets({target(web_, server.port()), target(shop_, server.port())}, {});
    EXPECT_EQ(verdict(shop_).health, Health::up);
}

TEST_F(SharedChecks, the_view_shows_the_last_check) {
    const TcpServer server(loop_, saying_ok());
    const auto before = wall_clock_ms();
    monitor_.set_targets({target(web_, server.port())}, {});
    ASSERT_TRUE(becomes(web_, Health::up));
    const auto& seen = verdict(web_);
    EXPECT_EQ(seen.heard, "OK");
    EXPECT_GT(seen.latency_us, 0);
    EXPECT_GE(seen.last_check_ms, before);
    EXPECT_GE(seen.next_check_ms, seen.last_check_ms);
}

TEST_F(SharedChecks, a_doubtful_server_is_checked_before_its_turn) {
    auto server = std::make_unique<TcpServer>(loop_, saying_ok());
    auto slow = target(web_, server->port());
    slow.interval = std::chrono::hours(1);
    slow.service_timeout = std::chrono::hours(3);
    monitor_.set_targets({slow}, {});
    ASSERT_TRUE(becomes(web_, Health::up));
    server.reset();
    monitor_.check_soon(web_);
    monitor_.check_soon({"web", "nobody"});
    EXPECT_TRUE(becomes(web_, Health::down));
}

TEST_F(SharedChecks, doubts_in_numbers_make_no_storm_of_checks) {
    const TcpServer server(loop_, saying_ok());
    auto slow = target(web_, server.port());
    slow.interval = std::chrono::hours(1);
    monitor_.set_targets({slow}, {web_});
    ASSERT_TRUE(run_until(loop_, [&] { return verdict(web_).checks == 1; }));
    const auto begin = Clock::now();
    const auto doubt_until = [&](std::uint64_t checks) {
        return run_until(loop_, [&] {
            for (int times = 0; times < 100; ++times)
                monitor_.check_soon(web_);
            return verdict(web_).checks >= checks;
        });
    };
    ASSERT_TRUE(doubt_until(2));
    ASSERT_TRUE(doubt_until(4));
    EXPECT_GE(Clock::now() - begin, milliseconds(200));
    EXPECT_EQ(verdict(web_).health, Health::up);
}

TEST_F(SharedChecks, one_check_out_of_turn_tells_what_happens_and_changes_nothing) {
    const TcpServer server(loop_, saying_ok());
    auto slow = target(web_, server.port());
    slow.interval = std::chrono::hours(1);
    slow.monitor.send = "hello";
    slow.monitor.expect = "KO";
    monitor_.set_targets({slow}, {web_});
    ASSERT_TRUE(becomes(web_, Health::down));
    const auto checks = verdict(web_).checks;
    const auto transcript = monitor_.check_now(web_);
    ASSERT_TRUE(transcript) << transcript.error().message;
    EXPECT_FALSE((*transcript)->result);
    ASSERT_TRUE(run_until(loop_, [&] { return (*transcript)->result.has_value(); }));
    EXPECT_EQ((*transcript)->result->reason, R"(answered "OK" instead of "KO")");
    std::string text;
    std::int64_t last = 0;
    for (const auto& line : (*transcript)->lines) {
        text += line.text + '\n';
        EXPECT_GE(line.at_us, last);
        last = line.at_us;
    }
    EXPECT_THAT(text, HasSubstr("connecting to 127.0.0.1"));
    EXPECT_THAT(text, HasSubstr("connected"));
    EXPECT_THAT(text, HasSubstr(R"(sent 5 bytes: "hello")"));
    EXPECT_THAT(text, HasSubstr(R"(received 2 bytes: "OK")"));
    EXPECT_EQ(verdict(web_).health, Health::down);
    EXPECT_EQ(verdict(web_).checks, checks);
}

TEST_F(SharedChecks, only_what_is_checked_can_be_checked_out_of_turn) {
    auto unchecked = target(web_, 1);
    unchecked.monitor.type = model::MonitorType::none;
    monitor_.set_targets({unchecked}, {});
    EXPECT_THAT(monitor_.check_now(web_).error().message, HasSubstr("not checked"));
    EXPECT_THAT(monitor_.check_now(shop_).error().message, HasSubstr("no active real server"));
}

TEST_F(SharedChecks, thousands_that_fail_at_once_go_by_themselves_and_take_nobody_along) {
    constexpr int servers = 5000;
    const ClosedPort closed(loop_);
    const TcpServer healthy(loop_, saying_ok());
    std::vector<Target> targets{target(web_, healthy.port())};
    targets[0].interval = milliseconds(100);
    std::vector<TargetId> up{web_};
    for (int number = 0; number < servers; ++number) {
        auto each = target({"shop", fmt::format("server-{}", number)}, closed.port());
        each.address =
            net::Address::parse(fmt::format("127.1.{}.{}", number / 250, number % 250 + 1)).value();
        each.monitor.expect.clear();
        each.interval = std::chrono::hours(1);
        each.service_timeout = std::chrono::hours(1);
        targets.push_back(each);
        up.push_back(each.id);
    }
    monitor_.set_targets(targets, up);
    const auto end = Clock::now() + std::chrono::seconds(120);
    while (reported_.size() < servers && Clock::now() < end)
        loop_.run_one_for(milliseconds(20));
    ASSERT_EQ(reported_.size(), servers);
    EXPECT_FALSE(reported_.contains(web_));
    const auto so_far = verdict(web_).checks;
    EXPECT_TRUE(run_until(loop_, [&] { return verdict(web_).checks > so_far + 3; }));
    EXPECT_EQ(verdict(web_).health, Health::up);
    for (const auto& [id, seen] : monitor_.view()) {
        if (id == web_) continue;
        EXPECT_EQ(seen.health, Health::down);
        EXPECT_GE(seen.checks, 2U) << "a definite failure is repeated once";
    }
}

}  // namespace
}  // namespace shoal::health

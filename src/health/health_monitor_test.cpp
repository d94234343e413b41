#include "health/health_monitor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "health/test_servers.h"

namespace shoal::health {
namespace {

using model::Health;
using testing::ElementsAre;

struct Change {
    std::string real_server;
    Health health;
    bool operator==(const Change&) const = default;
};

void PrintTo(const Change& change, std::ostream* stream) {
    *stream << change.real_server << " is "
            << (change.health == Health::up     ? "up"
                : change.health == Health::down ? "down"
                                                : "?");
}

class HealthMonitorTest : public testing::Test {
  protected:
    /// Fast, but with room for a slow machine: checks every 20 ms that may last long.
    static Target target(const std::string& name, std::uint16_t port) {
        return {.id = {"web", name},
                .address = net::Address::parse("127.0.0.1").value(),
                .port = port,
                .protocol = model::Protocol::tcp,
                .monitor = {.send = {}, .expect = "OK", .interval = {}, .timeout = {}},
                .service_timeout = milliseconds(100),
                .reentry_time = milliseconds(60),
                .interval = milliseconds(20),
                .timeout = milliseconds(2000)};
    }
    /// What `target` expects.
    static TcpServer::Behaviour saying_ok() {
        return [](const TcpServer::Connection& connection) {
            boost::system::error_code ignored;  // a check may be given up meanwhile
            asio::write(*connection, asio::buffer("OK", 2), ignored);
        };
    }

    HealthMonitor::OnChange note_changes() {
        return [this](const TargetId& id, const Verdict& verdict) {
            changes_.push_back({id.real_server, verdict.health});
            EXPECT_EQ(monitor_->view().at(id).health, verdict.health);
        };
    }
    Verdict verdict(const std::string& name) const {
        const auto& view = monitor_->view();
        const auto found = view.find({"web", name});
        return found == view.end() ? Verdict{} : found->second;
    }
    bool becomes(const std::string& name, Health health) {
        return run_until(loop_, [&] { return verdict(name).health == health; });
    }
    /// Whether `change` is the latest that was reported, soon.
    bool reported(const Change& change) {
        return run_until(loop_, [&] { return !changes_.empty() && changes_.back() == change; });
    }

    asio::io_context loop_;
    std::vector<Change> changes_;
    std::unique_ptr<HealthMonitor> monitor_ =
        std::make_unique<HealthMonitor>(loop_, note_changes());
};

TEST_F(HealthMonitorTest, the_first_check_finds_who_is_up_and_who_is_down) {
    const TcpServer server(loop_, saying_ok());
    const ClosedPort closed(loop_);
    const auto before = wall_clock_ms();
    monitor_->set_targets({target("web-1", server.port()), target("web-2", closed.port())}, {});
    EXPECT_EQ(verdict("web-1").health, Health::unknown);
    ASSERT_TRUE(run_until(loop_, [&] { return changes_.size() == 2; }));
    EXPECT_EQ(verdict("web-1").health, Health::up);
    EXPECT_EQ(verdict("web-1").reason, "");
    EXPECT_GE(verdict("web-1").since_ms, before);
    EXPECT_LE(verdict("web-1").since_ms, wall_clock_ms());
    EXPECT_EQ(verdict("web-2").health, Health::down);
    EXPECT_EQ(verdict("web-2").reason, "connection refused");
}

TEST_F(HealthMonitorTest, a_server_that_dies_goes_and_comes_back_and_each_is_reported_once) {
    auto server = std::make_unique<TcpServer>(loop_, saying_ok());
    const auto port = server->port();
    monitor_->set_targets({target("web-1", port)}, {});
    ASSERT_TRUE(reported({"web-1", Health::up}));

    server.reset();
    const auto died = Clock::now();
    ASSERT_TRUE(reported({"web-1", Health::down}));
    EXPECT_GE(Clock::now() - died, milliseconds(200)) << "before the failure was repeated";
    EXPECT_EQ(verdict("web-1").reason, "connection refused");

    server = std::make_unique<TcpServer>(loop_, saying_ok(), loopback(port));
    const auto returned = Clock::now();
    ASSERT_TRUE(reported({"web-1", Health::up}));
    EXPECT_GE(Clock::now() - returned, milliseconds(60)) << "before its re-entry time";
    EXPECT_THAT(changes_, ElementsAre(Change{"web-1", Health::up}, Change{"web-1", Health::down},
                                      Change{"web-1", Health::up}));
}

TEST_F(HealthMonitorTest, a_silent_server_is_out_after_its_service_timeout) {
    bool talks = true;
    std::vector<TcpServer::Connection> kept;
    const TcpServer server(loop_, [&](const TcpServer::Connection& connection) {
        if (talks) asio::write(*connection, asio::buffer("220", 3));
        kept.push_back(connection);
    });
    auto ftp = target("web-1", server.port());
    ftp.monitor.expect = "220";
    ftp.timeout = milliseconds(10);
    monitor_->set_targets({ftp}, {});
    ASSERT_TRUE(reported({"web-1", Health::up}));
    talks = false;
    ASSERT_TRUE(run_until(loop_, [&] { return !verdict("web-1").reason.empty(); }));
    EXPECT_EQ(verdict("web-1").health, Health::up);
    EXPECT_THAT(verdict("web-1").reason, testing::HasSubstr("no answer within 10 ms"));
    ASSERT_TRUE(reported({"web-1", Health::down}));
}

TEST_F(HealthMonitorTest, a_target_without_checks_is_up_and_left_alone) {
    const TcpServer server(loop_, saying_ok());
    const TcpServer other(loop_, saying_ok());
    auto unchecked = target("web-1", server.port());
    unchecked.monitor.type = model::MonitorType::none;
    monitor_->set_targets({unchecked, target("web-2", other.port())}, {});
    EXPECT_EQ(verdict("web-1").health, Health::up);
    EXPECT_THAT(changes_, testing::IsEmpty()) << "reported from within set_targets";
    ASSERT_TRUE(run_until(loop_, [&] { return other.accepted() > 5; }));
    EXPECT_EQ(server.accepted(), 0);
    EXPECT_THAT(changes_, ElementsAre(Change{"web-1", Health::up}, Change{"web-2", Health::up}));
}

TEST_F(HealthMonitorTest, checks_can_be_switched_off_and_on) {
    const ClosedPort closed(loop_);
    auto web = target("web-1", closed.port());
    monitor_->set_targets({web}, {});
    ASSERT_TRUE(reported({"web-1", Health::down}));
    web.monitor.type = model::MonitorType::none;
    monitor_->set_targets({web}, {});
    EXPECT_EQ(verdict("web-1").health, Health::up);
    EXPECT_EQ(verdict("web-1").reason, "");
    ASSERT_TRUE(reported({"web-1", Health::up}));
    web.monitor.type = model::MonitorType::text;
    monitor_->set_targets({web}, {});
    EXPECT_EQ(verdict("web-1").health, Health::up);
    ASSERT_TRUE(reported({"web-1", Health::down}));
}

TEST_F(HealthMonitorTest, an_adopted_server_begins_as_up_and_goes_out_by_the_usual_rules) {
    const TcpServer server(loop_, saying_ok());
    const TcpServer wrong(loop_, saying_ok());
    std::vector targets{target("web-1", server.port()), target("web-2", wrong.port())};
    targets[1].monitor.expect = "HTTP";
    monitor_->set_targets(targets, {targets[0].id, targets[1].id});
    EXPECT_EQ(verdict("web-1").health, Health::up);
    EXPECT_EQ(verdict("web-2").health, Health::up);
    ASSERT_TRUE(reported({"web-2", Health::down}));
    EXPECT_EQ(wrong.accepted(), 2) << "a definite failure is repeated once";
    ASSERT_TRUE(run_until(loop_, [&] { return server.accepted() > 2; }));
    EXPECT_THAT(changes_, ElementsAre(Change{"web-2", Health::down}));
}

TEST_F(HealthMonitorTest, a_server_that_is_up_stays_so_under_another_name) {
    const TcpServer server(loop_, saying_ok());
    const ClosedPort closed(loop_);
    monitor_->set_targets({target("web-1", server.port()), target("web-2", closed.port())}, {});
    ASSERT_TRUE(run_until(loop_, [&] { return changes_.size() == 2; }));
    auto otherwise = target("otherwise", server.port());
    otherwise.monitor.expect = "HTTP";
    monitor_->set_targets(
        {target("www-1", server.port()), target("www-2", closed.port()), otherwise}, {});
    EXPECT_EQ(verdict("www-1").health, Health::up);
    EXPECT_EQ(verdict("www-2").health, Health::down);
    EXPECT_EQ(verdict("otherwise").health, Health::unknown) << "it was asked something else";
}

TEST_F(HealthMonitorTest, other_timing_keeps_the_verdict) {
    const ClosedPort closed(loop_);
    auto web = target("web-1", closed.port());
    monitor_->set_targets({web}, {});
    ASSERT_TRUE(reported({"web-1", Health::down}));
    const auto since = verdict("web-1").since_ms;
    web.interval = milliseconds(30);
    web.reentry_time = milliseconds(0);
    monitor_->set_targets({web}, {web.id});
    EXPECT_EQ(verdict("web-1").health, Health::down);
    EXPECT_EQ(verdict("web-1").reason, "connection refused");
    EXPECT_EQ(verdict("web-1").since_ms, since);
}

TEST_F(HealthMonitorTest, a_shorter_interval_does_not_wait_for_the_longer_one) {
    const TcpServer server(loop_, saying_ok());
    auto web = target("web-1", server.port());
    web.interval = std::chrono::hours(1);
    monitor_->set_targets({web}, {});
    ASSERT_TRUE(reported({"web-1", Health::up}));
    web.interval = milliseconds(20);
    monitor_->set_targets({web}, {});
    EXPECT_TRUE(run_until(loop_, [&] { return server.accepted() > 3; }));
}

TEST_F(HealthMonitorTest, another_question_replaces_the_check_that_runs) {
    std::vector<TcpServer::Connection> kept;
    const TcpServer server(loop_, [&](const TcpServer::Connection& connection) {
        asio::write(*connection, asio::buffer("220", 3));
        kept.push_back(connection);
    });
    auto web = target("web-1", server.port());
    web.monitor.expect = "220 and a text that never comes";
    web.timeout = std::chrono::hours(1);
    monitor_->set_targets({web}, {});
    ASSERT_TRUE(run_until(loop_, [&] { return server.accepted() == 1; }));
    web.monitor.expect = "220";
    monitor_->set_targets({web}, {});
    EXPECT_TRUE(reported({"web-1", Health::up}));
    EXPECT_EQ(verdict("web-1").reason, "");
}

TEST_F(HealthMonitorTest, another_address_or_port_is_another_server) {
    const TcpServer server(loop_, saying_ok());
    const ClosedPort closed(loop_);
    monitor_->set_targets({target("web-1", server.port())}, {});
    ASSERT_TRUE(reported({"web-1", Health::up}));
    monitor_->set_targets({target("web-1", closed.port())}, {});
    EXPECT_EQ(verdict("web-1").health, Health::unknown);
    ASSERT_TRUE(reported({"web-1", Health::down}));
}

TEST_F(HealthMonitorTest, a_removed_target_is_forgotten_while_its_check_runs) {
    const FullPort full(loop_);
    const TcpServer other(loop_, saying_ok());
    auto web = target("web-1", full.port());
    web.timeout = std::chrono::hours(1);
    monitor_->set_targets({web, target("web-2", other.port())}, {});
    ASSERT_TRUE(run_until(loop_, [&] { return other.accepted() >= 1; }));
    monitor_->set_targets({target("web-2", other.port())}, {});
    EXPECT_FALSE(monitor_->view().contains(web.id));
    ASSERT_TRUE(run_until(loop_, [&] { return other.accepted() > 5; }));
    EXPECT_FALSE(monitor_->view().contains(web.id));
    EXPECT_THAT(changes_, ElementsAre(Change{"web-2", Health::up}));
}

TEST_F(HealthMonitorTest, may_go_while_checks_run_and_changes_wait_to_be_reported) {
    const FullPort full(loop_);
    auto unchecked = target("web-2", full.port());
    unchecked.monitor.type = model::MonitorType::none;
    std::vector<Target> targets{unchecked};
    for (int number = 0; number < 20; ++number) {
        targets.push_back(target(fmt::format("full-{}", number), full.port()));
        targets.back().timeout = std::chrono::hours(1);
    }
    monitor_->set_targets(targets, {});
    loop_.run_for(milliseconds(5));
    changes_.clear();
    monitor_->set_targets({}, {});
    monitor_->set_targets(targets, {});
    monitor_.reset();
    loop_.restart();
    loop_.run();  // comes back only when nothing is waited for
    EXPECT_THAT(changes_, testing::IsEmpty());
}

TEST_F(HealthMonitorTest, a_change_may_lead_to_new_targets) {
    const TcpServer server(loop_, saying_ok());
    int changes = 0;
    HealthMonitor* to = nullptr;
    HealthMonitor monitor(loop_, [&](const TargetId&, const Verdict&) {
        ++changes;
        to->set_targets({}, {});
    });
    to = &monitor;
    monitor.set_targets({target("web-1", server.port())}, {});
    ASSERT_TRUE(run_until(loop_, [&] { return changes == 1; }));
    EXPECT_THAT(monitor.view(), testing::IsEmpty());
}

/// Sockets in TIME_WAIT with this port at either end.
int time_wait_sockets(std::uint16_t port) {
    std::ifstream table("/proc/net/tcp");
    const auto suffix = fmt::format(":{:04X}", port);
    int count = 0;
    for (std::string line; std::getline(table, line);) {
        std::istringstream fields(line);
        std::string number, local, remote, state;
        fields >> number >> local >> remote >> state;
        if (state == "06" && (local.ends_with(suffix) || remote.ends_with(suffix))) ++count;
    }
    return count;
}

TEST_F(HealthMonitorTest, a_thousand_servers_are_checked_again_and_again_without_time_wait) {
    constexpr int servers = 1000;
    const TcpServer server(loop_, saying_ok(), {asio::ip::address_v4::any(), 0});
    std::vector<Target> targets;
    for (int number = 0; number < servers; ++number) {
        auto each = target(fmt::format("web-{}", number), server.port());
        each.address =
            net::Address::parse(fmt::format("127.1.{}.{}", number / 250, number % 250 + 1)).value();
        each.interval = milliseconds(300);
        // However slow the machine: what is late is not silent.
        each.timeout = std::chrono::minutes(5);
        targets.push_back(each);
    }
    monitor_->set_targets(targets, {});
    ASSERT_TRUE(run_until(loop_, [&] { return changes_.size() == servers; }));
    ASSERT_TRUE(run_until(loop_, [&] { return server.accepted() > 4 * servers; }));
    EXPECT_EQ(changes_.size(), servers);
    for (const auto& [id, verdict] : monitor_->view()) {
        EXPECT_EQ(verdict.health, Health::up) << id.real_server << " " << verdict.reason;
    }
    EXPECT_EQ(time_wait_sockets(server.port()), 0);
}

}  // namespace
}  // namespace shoal::health

#include "director/health_report.h"

#include <gtest/gtest.h>

#include "director/testing.h"

namespace shoal::director {
namespace {

using testing::two_servers;

TEST(HealthReport, has_what_is_known_of_each_target) {
    health::HealthView health;
    health[{"web", "web-1"}] = {.health = model::Health::down,
                                .reason = "wrong answer",
                                .since_ms = 1,
                                .checks = 7,
                                .last_check_ms = 2,
                                .latency_us = 345,
                                .heard = std::string("HTTP \x1b[31m\r\n\"\xff\0", 15),
                                .next_check_ms = 3};
    const auto report = health_report(two_servers(), health,
                                      {{{"web", "web-2"}, model::AdministrativeState::disabled}});
    ASSERT_EQ(report.size(), 2U);
    const auto& first = report[0];
    EXPECT_EQ(first.virtual_server, "web");
    EXPECT_EQ(first.real_server, "web-1");
    EXPECT_EQ(first.address, testing::address("10.11.12.1"));
    EXPECT_EQ(first.port, 80);
    EXPECT_EQ(first.health, model::Health::down);
    EXPECT_EQ(first.reason, "wrong answer");
    EXPECT_EQ(first.heard, R"(HTTP \x1b[31m\r\n\"\xff\x00)");
    EXPECT_EQ(first.checks, 7U);
    EXPECT_EQ(first.latency_us, 345);
    EXPECT_EQ(first.next_check_ms, 3);
    EXPECT_EQ(report[1].health, model::Health::unknown);
    EXPECT_EQ(report[1].state, model::AdministrativeState::disabled);
}

TEST(HealthReport, shows_what_agents_take_out) {
    const auto configuration = two_servers();
    health::LoadView loads;
    loads[{"web", "web-1"}].agent = health::AgentState::maintenance;
    loads[{"web", "web-1"}].agent_reason = R"("no disk")";
    loads[{"web", "web-2"}].agent = health::AgentState::down;
    const auto report = health_report(configuration, testing::all_up(configuration), {}, loads);
    EXPECT_EQ(report[0].state, model::AdministrativeState::maintenance);
    EXPECT_EQ(report[0].health, model::Health::up);
    EXPECT_EQ(report[0].agent, R"(its agent says maint: "no disk")");
    EXPECT_EQ(report[1].state, model::AdministrativeState::enabled);
    EXPECT_EQ(report[1].health, model::Health::down);
    EXPECT_EQ(report[1].agent, "its agent says that it is down");
}

TEST(HealthReport, says_which_checks_go_to_the_virtual_address) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.network_type = model::ForwardingMethod::direct;
    EXPECT_FALSE(health_report(configuration, {}, {})[0].virtual_address);
    service.monitor.to = model::CheckTo::virtual_address;
    EXPECT_EQ(health_report(configuration, {}, {})[0].virtual_address,
              testing::address("192.0.2.80"));
}

TEST(HealthReport, leaves_out_what_is_not_active) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].real_servers[0].active = false;
    EXPECT_EQ(health_report(configuration, {}, {}).size(), 1U);
}

TEST(HealthReport, cuts_what_was_heard) {
    health::HealthView health;
    health[{"web", "web-1"}].heard = std::string(1000, 'x');
    EXPECT_EQ(health_report(two_servers(), health, {})[0].heard, std::string(256, 'x') + "...");
}

}  // namespace
}  // namespace shoal::director

#include "director/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "director/desired_state.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using testing::all_up;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using testing::two_of_one_mark;
using testing::two_servers;

class StatusTest : public ::testing::Test {
  protected:
    /// The status where the data plane holds all that is wanted.
    std::vector<model::VirtualServerStatus> status() {
        state.services = desired_state(configuration, {health}, {}).services;
        return virtual_server_status(configuration,
                                     {health, state, statistics, rates, states, quorums});
    }
    void fail(const std::string& virtual_server, const std::string& real_server) {
        health[{virtual_server, real_server}] = {model::Health::down, "connection refused", 0};
    }
    /// Counts 10 connections for the first service and twice as many for its first server.
    void count() {
        const auto service = desired_state(configuration, {health}, {}).services.at(0);
        dataplane::ServerLoad load{.key = service.servers.at(0).key, .active = 3, .inactive = 4};
        load.counters.connections = 20;
        load.persistent = 5;
        load.overloaded = true;
        statistics.services = {{service.key, {.connections = 10}, {load}}};
    }

    model::Configuration configuration = two_servers();
    health::HealthView health = all_up(configuration);
    dataplane::State state;
    dataplane::Statistics statistics;
    RateTable rates;
    StateEntries states;
    std::map<std::string, Quorum> quorums;
};

TEST_F(StatusTest, shows_what_the_data_plane_counts) {
    count();
    const auto web = status().at(0);
    EXPECT_EQ(web.counters.connections, 10U);
    const auto& first = web.real_servers.at(0);
    EXPECT_EQ(first.active_connections, 3U);
    EXPECT_EQ(first.inactive_connections, 4U);
    EXPECT_EQ(first.persistent_clients, 5U);
    EXPECT_EQ(first.counters.connections, 20U);
    EXPECT_TRUE(first.overloaded);
    EXPECT_FALSE(web.real_servers.at(1).overloaded);
}

TEST_F(StatusTest, shows_rates_beside_counters) {
    count();
    statistics.services[0].counters.connections = 0;
    rates.sample(statistics, TimePoint());
    statistics.services[0].counters.connections = 800;
    statistics.services[0].servers[0].counters.connections = 820;
    rates.sample(statistics, TimePoint() + rate_interval);
    const auto web = status().at(0);
    EXPECT_EQ(web.rates.connections, 100U);
    EXPECT_EQ(web.real_servers.at(0).rates.connections, 100U);
    EXPECT_EQ(web.real_servers.at(1).rates.connections, 0U);
}

TEST_F(StatusTest, the_weight_in_force_is_0_while_a_server_is_drained_or_out) {
    struct Case {
        model::OnFailure on_failure;
        bool fails;
        bool in_pool;
        std::uint32_t weight_in_force;
    };
    using enum model::OnFailure;
    for (const auto& [on_failure, fails, in_pool, weight_in_force] :
         {Case{remove, false, true, 3}, Case{remove, true, false, 0}, Case{drain, false, true, 3},
          Case{drain, true, true, 0}}) {
        configuration.virtual_servers[0].on_failure = on_failure;
        health = all_up(configuration);
        if (fails) fail("web", "web-2");
        const auto server = status().at(0).real_servers.at(1);
        EXPECT_EQ(server.weight, 3U);
        EXPECT_EQ(server.in_pool, in_pool);
        EXPECT_EQ(server.weight_in_force, weight_in_force);
    }
}

TEST_F(StatusTest, says_whether_the_sorry_server_serves) {
    EXPECT_FALSE(status().at(0).sorry_server.has_value());
    configuration.virtual_servers[0].sorry_server = {testing::address("10.11.12.9"), {}, {}};
    EXPECT_FALSE(status().at(0).sorry_server->in_pool);
    fail("web", "web-1");
    fail("web", "web-2");
    const auto sorry = status().at(0).sorry_server;
    EXPECT_TRUE(sorry->in_pool);
    EXPECT_EQ(sorry->weight_in_force, 1U);
    EXPECT_EQ(sorry->name, "sorry");
}

TEST_F(StatusTest, virtual_servers_of_a_mark_keep_their_names_ports_and_checks) {
    configuration = two_of_one_mark();
    health = all_up(configuration);
    fail("https", "web-1");
    count();
    const auto all = status();
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].name, "http");
    EXPECT_EQ(all[1].name, "https");
    EXPECT_EQ(all[0].firewall_mark, 80U);
    EXPECT_EQ(all[1].port, model::PortRange(443));
    EXPECT_THAT(all[0].mark_ports, ElementsAre(80, 443));
    EXPECT_EQ(all[0].counters, all[1].counters);
    EXPECT_EQ(all[0].real_servers[0].health, model::Health::up);
    EXPECT_EQ(all[1].real_servers[0].health, model::Health::down);
    EXPECT_FALSE(all[0].real_servers[0].in_pool) << "https says that it is down";
    EXPECT_EQ(all[0].real_servers[1].active_connections, 3U);
}

TEST_F(StatusTest, a_virtual_server_that_is_not_active_has_nothing_of_its_mark) {
    configuration = two_of_one_mark();
    configuration.virtual_servers[1].active = false;
    health = all_up(configuration);
    count();
    const auto all = status();
    EXPECT_EQ(all[0].counters.connections, 10U);
    EXPECT_EQ(all[1].counters.connections, 0U);
    EXPECT_FALSE(all[1].real_servers[0].in_pool);
}

TEST_F(StatusTest, ports_of_a_mark_are_those_of_the_virtual_servers_address) {
    configuration = two_of_one_mark();
    configuration.virtual_servers[1].address = net::Prefix::parse("192.0.2.81/24").value();
    configuration.marks.push_back(
        {80, testing::address("192.0.2.81"), model::Protocol::tcp, {{8000, 8100}}});
    const auto all = status();
    EXPECT_THAT(all[0].mark_ports, ElementsAre(80, 443));
    EXPECT_THAT(all[1].mark_ports, ElementsAre(model::PortRange(8000, 8100)));
}

TEST_F(StatusTest, shows_what_administrators_ordered) {
    using enum model::AdministrativeState;
    states[{"web", "web-2"}] = {
        .state = draining, .since_ms = 1, .deadline_ms = 2, .until_ms = 3, .then = enabled};
    const auto web = status().at(0);
    EXPECT_EQ(web.real_servers.at(0).state, enabled);
    EXPECT_EQ(web.real_servers.at(0).then, std::nullopt);
    const auto& second = web.real_servers.at(1);
    EXPECT_EQ(second.state, draining);
    EXPECT_EQ(second.deadline_ms, 2);
    EXPECT_EQ(second.until_ms, 3);
    EXPECT_EQ(second.then, enabled);
}

TEST_F(StatusTest, shows_quorums_and_the_scale_of_weights) {
    configuration.virtual_servers[0].quorum = 3;
    configuration.virtual_servers[0].slow_start = std::chrono::seconds(30);
    quorums["web"] = {.usable = 2, .lost = true};
    const auto web = status().at(0);
    EXPECT_EQ(web.quorum, 3U);
    EXPECT_EQ(web.usable, 2U);
    EXPECT_TRUE(web.quorum_lost);
    EXPECT_EQ(web.weight_scale, 100U);
    EXPECT_EQ(web.real_servers.at(0).weight, 1U);
    EXPECT_EQ(web.real_servers.at(0).weight_in_force, 100U);
}

}  // namespace
}  // namespace shoal::director

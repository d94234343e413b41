#include "director/desired_state.h"

#include <gtest/gtest.h>

#include "director/testing.h"

namespace shoal::director {
namespace {

using testing::all_up;
using testing::two_servers;
using testing::weights;

TEST(DesiredState, holds_the_servers_that_are_up) {
    const auto configuration = two_servers();
    auto health = all_up(configuration);
    health[{"web", "web-2"}].health = model::Health::down;
    const auto desired = desired_state(configuration, {health}, {});
    ASSERT_EQ(desired.services.size(), 1U);
    EXPECT_EQ(desired.services[0].key.to_string(), "tcp 192.0.2.80:80");
    ASSERT_EQ(desired.services[0].servers.size(), 1U);
    EXPECT_EQ(desired.services[0].servers[0].key.to_string(), "10.11.12.1:80");
}

TEST(DesiredState, leaves_out_servers_that_were_never_checked) {
    EXPECT_TRUE(desired_state(two_servers(), {}, {}).services[0].servers.empty());
}

TEST(DesiredState, leaves_out_what_is_not_active) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].real_servers[0].active = false;
    const auto health = all_up(configuration);
    EXPECT_EQ(desired_state(configuration, {health}, {}).services[0].servers.size(), 1U);
    configuration.virtual_servers[0].active = false;
    const auto desired = desired_state(configuration, {health}, {});
    EXPECT_TRUE(desired.services.empty());
    EXPECT_TRUE(desired.addresses.empty());
    EXPECT_TRUE(desired.hooks.empty());
}

TEST(DesiredState, an_address_of_two_virtual_servers_is_wanted_once) {
    auto configuration = two_servers();
    auto tls = configuration.virtual_servers[0];
    tls.name = "tls";
    tls.port = 443;
    configuration.virtual_servers.push_back(tls);
    EXPECT_EQ(desired_state(configuration, {all_up(configuration)}, {}).addresses.size(), 1U);
}

TEST(DesiredState, hooks_stand_where_clients_and_real_servers_are) {
    auto configuration = two_servers();
    configuration.global.nat_router = {net::Prefix::parse("10.11.12.254/24").value(),
                                       {"lan0", "lan0:1"}};
    configuration.devices = {{"lan1", model::HookChoice::tc}};
    const auto desired = desired_state(configuration, {all_up(configuration)}, {"lan1"});
    EXPECT_EQ(desired.hooks,
              (std::map<std::string, model::HookChoice>{{"wan0", model::HookChoice::automatic},
                                                        {"lan0", model::HookChoice::automatic},
                                                        {"lan1", model::HookChoice::tc}}));
    EXPECT_EQ(desired.addresses.size(), 2U);
}

TEST(DesiredState, options_are_the_virtual_servers) {
    using dataplane::ServiceOptions;
    using model::SchedulerFlag;
    using model::VirtualServer;
    const auto prefix = net::Prefix::parse("10.0.0.0/8").value();
    struct Case {
        void (*set)(VirtualServer& service);
        ServiceOptions wanted;
    };
    const std::vector<Case> cases{
        {[](VirtualServer&) {}, {}},
        {[](VirtualServer& it) { it.scheduler = model::Scheduler::lblcr; },
         {.scheduler = model::Scheduler::lblcr}},
        {[](VirtualServer& it) { it.scheduler_flags = {SchedulerFlag::sh_port}; },
         {.hash_port = true}},
        {[](VirtualServer& it) { it.scheduler_flags = {SchedulerFlag::sh_fallback}; },
         {.hash_fallback = true}},
        {[](VirtualServer& it) {
             it.scheduler_flags = {SchedulerFlag::mh_fallback, SchedulerFlag::mh_port};
         },
         {.hash_port = true, .hash_fallback = true}},
        {[](VirtualServer& it) { it.mh_table_size = 251; }, {.mh_table_size = 251}},
        {[](VirtualServer& it) { it.one_packet = true; }, {.one_packet = true}},
        {[](VirtualServer& it) { it.quiesce_server = true; }, {.quiesce_server = true}},
        {[](VirtualServer& it) { it.allow = {net::Prefix::parse("10.0.0.0/8").value()}; },
         {.allow = {prefix}}},
        {[](VirtualServer& it) { it.deny = {net::Prefix::parse("10.0.0.0/8").value()}; },
         {.deny = {prefix}}},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        auto configuration = two_servers();
        cases[i].set(configuration.virtual_servers[0]);
        EXPECT_EQ(desired_state(configuration, {}, {}).services[0].options, cases[i].wanted)
            << "case " << i;
    }
}

TEST(DesiredState, persistence_is_the_virtual_servers) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.keep_quiesced_clients = true;
    EXPECT_FALSE(desired_state(configuration, {}, {}).services[0].options.persistence);
    service.persistence = std::chrono::minutes(10);
    service.persistence_netmask = {24};
    EXPECT_EQ(desired_state(configuration, {}, {}).services[0].options.persistence,
              (model::Persistence{
                  .timeout = std::chrono::minutes(10), .netmask = 24, .keep_quiesced = true}));
}

TEST(DesiredState, real_servers_have_their_own_settings) {
    auto configuration = two_servers();
    auto& server = configuration.virtual_servers[0].real_servers[1];
    server.upper_threshold = 1000;
    server.lower_threshold = 800;
    server.port = 8080;
    const auto desired = desired_state(configuration, {all_up(configuration)}, {});
    EXPECT_EQ(desired.services[0].servers[1], (dataplane::Server{.key = {server.address, 8080},
                                                                 .weight = 3,
                                                                 .upper_threshold = 1000,
                                                                 .lower_threshold = 800}));
}

TEST(DesiredState, without_one_port_packets_keep_theirs) {
    struct Case {
        model::PortRange port;
        std::string service;
        std::uint16_t real_port;
    };
    for (const auto& [port, service, real_port] :
         {Case{80, "tcp 192.0.2.80:80", 80}, Case{0, "tcp 192.0.2.80:any", 0},
          Case{{8000, 8100}, "tcp 192.0.2.80:8000-8100", 0}}) {
        auto configuration = two_servers();
        configuration.virtual_servers[0].port = port;
        const auto desired = desired_state(configuration, {all_up(configuration)}, {});
        EXPECT_EQ(desired.services[0].key.to_string(), service);
        EXPECT_EQ(desired.services[0].servers[0].key.port, real_port);
    }
}

TEST(DesiredState, secure_tcp_is_the_directors) {
    auto configuration = two_servers();
    EXPECT_FALSE(desired_state(configuration, {}, {}).secure_tcp);
    configuration.global.secure_tcp = true;
    EXPECT_TRUE(desired_state(configuration, {}, {}).secure_tcp);
}

TEST(DesiredState, a_failed_server_leaves_or_is_drained) {
    using model::Health;
    using model::OnFailure;
    struct Case {
        OnFailure on_failure;
        Health health;
        std::map<int, std::uint32_t> wanted;
    };
    for (const auto& [on_failure, state, wanted] :
         {Case{OnFailure::remove, Health::up, {{1, 1}, {2, 3}}},
          Case{OnFailure::remove, Health::down, {{1, 1}}},
          Case{OnFailure::remove, Health::unknown, {{1, 1}}},
          Case{OnFailure::drain, Health::up, {{1, 1}, {2, 3}}},
          Case{OnFailure::drain, Health::down, {{1, 1}, {2, 0}}},
          Case{OnFailure::drain, Health::unknown, {{1, 1}, {2, 0}}}}) {
        auto configuration = two_servers();
        configuration.virtual_servers[0].on_failure = on_failure;
        auto health = all_up(configuration);
        health[{"web", "web-2"}].health = state;
        EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]), wanted);
    }
}

TEST(DesiredState, a_drained_server_keeps_its_place) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].on_failure = model::OnFailure::drain;
    auto health = all_up(configuration);
    health[{"web", "web-1"}].health = model::Health::down;
    const auto desired = desired_state(configuration, {health}, {});
    EXPECT_EQ(desired.services[0].servers[0].key.to_string(), "10.11.12.1:80");
}

TEST(DesiredState, tells_what_becomes_of_the_connections_of_those_that_leave) {
    using enum model::RemovedConnections;
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.sorry_server = {
        .address = testing::address("10.11.12.9"), .port = {}, .network_type = {}};
    auto health = all_up(configuration);
    health[{"web", "web-2"}].health = model::Health::down;
    const dataplane::ServerKey failed{testing::address("10.11.12.2"), 80};
    const dataplane::ServerKey sorry{testing::address("10.11.12.9"), 80};
    const dataplane::ServerKey unknown{testing::address("10.11.12.3"), 80};
    for (const auto setting : {end, keep}) {
        service.removed_connections = setting;
        const auto desired = desired_state(configuration, {health}, {});
        const auto& departures = desired.departures.at(desired.services[0].key);
        EXPECT_EQ(departures.connections_of(failed), end) << "nobody answers there";
        EXPECT_EQ(departures.connections_of(sorry), keep);
        EXPECT_EQ(departures.connections_of(unknown), setting);
    }
    // One that the administrator takes out is no failed one.
    service.real_servers[1].active = false;
    const auto desired = desired_state(configuration, {health}, {});
    EXPECT_EQ(desired.departures.at(desired.services[0].key).connections_of(failed), keep);
}

TEST(DesiredState, the_forwarding_method_comes_from_the_nearest_setting) {
    auto configuration = two_servers();
    configuration.global.network_type = model::ForwardingMethod::direct;
    configuration.virtual_servers[0].real_servers[1].network_type = model::ForwardingMethod::nat;
    const auto desired = desired_state(configuration, {all_up(configuration)}, {});
    EXPECT_EQ(desired.services[0].servers[0].method, model::ForwardingMethod::direct);
    EXPECT_EQ(desired.services[0].servers[1].method, model::ForwardingMethod::nat);
}

TEST(DesiredState, the_tunnel_comes_from_the_nearest_setting) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.network_type = model::ForwardingMethod::tunnel;
    service.tunnel_type = model::TunnelType::gue;
    service.real_servers[1].tunnel_type = model::TunnelType::gre;
    const auto tunnels = [&] {
        std::vector<model::Tunnel> all;
        for (const auto& server :
             desired_state(configuration, {all_up(configuration)}, {}).services[0].servers)
            all.push_back(server.tunnel);
        return all;
    };
    using model::Tunnel;
    EXPECT_EQ(tunnels(), (std::vector{Tunnel{model::TunnelType::gue, 6080},
                                      Tunnel{model::TunnelType::gre, 0}}));
    service.tunnel_port = 7000;
    service.real_servers[1].network_type = model::ForwardingMethod::direct;
    EXPECT_EQ(tunnels(), (std::vector{Tunnel{model::TunnelType::gue, 7000}, Tunnel{}}));
}

TEST(DesiredState, a_mark_takes_no_packets_to_an_address_that_is_not_active) {
    auto configuration = testing::two_of_one_mark();
    auto& https = configuration.virtual_servers[1];
    https.address = net::Prefix::parse("192.0.2.81/24").value();
    configuration.marks.push_back(
        {80, testing::address("192.0.2.81"), model::Protocol::tcp, {443}});
    const auto matches = [&] {
        return desired_state(configuration, {all_up(configuration)}, {})
            .services.at(0)
            .options.matches.size();
    };
    EXPECT_EQ(matches(), 3U);
    https.active = false;
    EXPECT_EQ(matches(), 2U);
}

}  // namespace
}  // namespace shoal::director

#include "director/sorry_server.h"

#include <gtest/gtest.h>

#include "director/desired_state.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using model::Health;
using testing::all_up;
using testing::two_servers;
using testing::weights;
using Weights = std::map<int, std::uint32_t>;

/// "web", and 10.11.12.9 as its sorry server.
model::Configuration with_sorry_server() {
    auto configuration = two_servers();
    configuration.virtual_servers[0].sorry_server = {testing::address("10.11.12.9"), {}, {}};
    return configuration;
}

TEST(SorryServer, serves_exactly_while_no_real_server_is_usable) {
    struct Case {
        Health first;
        Health second;
        Weights removing;
        Weights draining;
    };
    for (const auto& [first, second, removing, draining] :
         {Case{Health::up, Health::up, {{1, 1}, {2, 3}}, {{1, 1}, {2, 3}}},
          Case{Health::down, Health::up, {{2, 3}}, {{1, 0}, {2, 3}}},
          Case{Health::up, Health::down, {{1, 1}}, {{1, 1}, {2, 0}}},
          Case{Health::down, Health::down, {{9, 1}}, {{1, 0}, {2, 0}, {9, 1}}},
          Case{Health::unknown, Health::down, {{9, 1}}, {{1, 0}, {2, 0}, {9, 1}}}}) {
        auto configuration = with_sorry_server();
        auto health = all_up(configuration);
        health[{"web", "web-1"}].health = first;
        health[{"web", "web-2"}].health = second;
        EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]), removing);
        configuration.virtual_servers[0].on_failure = model::OnFailure::drain;
        EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]), draining);
    }
}

TEST(SorryServer, servers_of_weight_0_or_not_active_are_not_usable) {
    auto configuration = with_sorry_server();
    auto& servers = configuration.virtual_servers[0].real_servers;
    servers[0].weight = 0;
    servers[1].active = false;
    const auto health = all_up(configuration);
    EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]),
              (Weights{{1, 0}, {9, 1}}));
    servers[0].weight = 1;
    EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]), (Weights{{1, 1}}));
}

TEST(SorryServer, a_virtual_server_without_real_servers_has_only_it) {
    auto configuration = with_sorry_server();
    configuration.virtual_servers[0].real_servers.clear();
    EXPECT_EQ(weights(desired_state(configuration, {}, {}).services[0]), (Weights{{9, 1}}));
}

TEST(SorryServer, a_drained_real_server_may_be_it) {
    auto configuration = with_sorry_server();
    auto& service = configuration.virtual_servers[0];
    service.on_failure = model::OnFailure::drain;
    service.sorry_server->address = service.real_servers[1].address;
    EXPECT_EQ(weights(desired_state(configuration, {}, {}).services[0]), (Weights{{1, 0}, {2, 1}}));
}

TEST(SorryServer, port_and_method_have_the_defaults_of_a_real_servers) {
    auto configuration = with_sorry_server();
    auto& service = configuration.virtual_servers[0];
    EXPECT_EQ(sorry_server(configuration, service)->key.port, 80);
    EXPECT_EQ(sorry_server(configuration, service)->method, model::ForwardingMethod::nat);
    service.network_type = model::ForwardingMethod::direct;
    EXPECT_EQ(sorry_server(configuration, service)->method, model::ForwardingMethod::direct);
    service.sorry_server->network_type = model::ForwardingMethod::nat;
    service.sorry_server->port = 8080;
    EXPECT_EQ(sorry_server(configuration, service)->key.port, 8080);
    EXPECT_EQ(sorry_server(configuration, service)->method, model::ForwardingMethod::nat);
    service.sorry_server->port.reset();
    service.port = {8000, 8100};
    EXPECT_EQ(sorry_server(configuration, service)->key.port, 0) << "packets keep their port";
    service.sorry_server.reset();
    EXPECT_FALSE(sorry_server(configuration, service).has_value());
}

}  // namespace
}  // namespace shoal::director

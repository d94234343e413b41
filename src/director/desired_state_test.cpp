#include "director/desired_state.h"

#include <gtest/gtest.h>

#include "director/testing.h"

namespace shoal::director {
namespace {

using testing::all_up;
using testing::two_servers;

TEST(DesiredState, holds_the_servers_that_are_up) {
    const auto configuration = two_servers();
    auto health = all_up(configuration);
    health[{"web", "web-2"}].health = model::Health::down;
    const auto desired = desired_state(configuration, health, {});
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
    EXPECT_EQ(desired_state(configuration, health, {}).services[0].servers.size(), 1U);
    configuration.virtual_servers[0].active = false;
    const auto desired = desired_state(configuration, health, {});
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
    EXPECT_EQ(desired_state(configuration, all_up(configuration), {}).addresses.size(), 1U);
}

TEST(DesiredState, hooks_stand_where_clients_and_real_servers_are) {
    auto configuration = two_servers();
    configuration.global.nat_router = {net::Prefix::parse("10.11.12.254/24").value(),
                                       {"lan0", "lan0:1"}};
    configuration.devices = {{"lan1", model::HookChoice::tc}};
    const auto desired = desired_state(configuration, all_up(configuration), {"lan1"});
    EXPECT_EQ(desired.hooks,
              (std::map<std::string, model::HookChoice>{{"wan0", model::HookChoice::automatic},
                                                        {"lan0", model::HookChoice::automatic},
                                                        {"lan1", model::HookChoice::tc}}));
    EXPECT_EQ(desired.addresses.size(), 2U);
}

TEST(DesiredState, the_forwarding_method_comes_from_the_nearest_setting) {
    auto configuration = two_servers();
    configuration.global.network_type = model::ForwardingMethod::direct;
    configuration.virtual_servers[0].real_servers[1].network_type = model::ForwardingMethod::nat;
    const auto desired = desired_state(configuration, all_up(configuration), {});
    EXPECT_EQ(desired.services[0].servers[0].method, model::ForwardingMethod::direct);
    EXPECT_EQ(desired.services[0].servers[1].method, model::ForwardingMethod::nat);
}

}  // namespace
}  // namespace shoal::director

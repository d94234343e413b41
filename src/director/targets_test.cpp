#include "director/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "director/marks.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using health::TargetId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::two_of_one_mark;
using testing::two_servers;

TEST(CheckTargets, each_virtual_server_of_a_mark_checks_its_own_port) {
    auto configuration = two_of_one_mark();
    const auto targets = check_targets(configuration, {});
    ASSERT_THAT(targets, SizeIs(4));
    EXPECT_EQ(targets[0].id, (TargetId{"http", "web-1"}));
    EXPECT_EQ(targets[0].port, 80);
    EXPECT_EQ(targets[2].id, (TargetId{"https", "web-1"}));
    EXPECT_EQ(targets[2].port, 443);
    configuration.virtual_servers[0].port = 0;
    EXPECT_EQ(check_targets(configuration, {})[0].port, 443)
        << "the first port of the mark's rules";
}

TEST(CheckTargets, what_has_no_port_is_not_checked) {
    auto configuration = two_servers();
    EXPECT_TRUE(is_checked(check_targets(configuration, {})[0].monitor));
    configuration.virtual_servers[0].port = 0;
    EXPECT_FALSE(is_checked(check_targets(configuration, {})[0].monitor));
    configuration.virtual_servers[0].real_servers[0].port = 8080;
    EXPECT_TRUE(is_checked(check_targets(configuration, {})[0].monitor));
}

TEST(CheckTargets, a_check_goes_to_the_virtual_address_by_the_real_servers_method) {
    using model::ForwardingMethod;
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.monitor.to = model::CheckTo::virtual_address;
    service.network_type = ForwardingMethod::direct;
    service.real_servers[1].network_type = ForwardingMethod::tunnel;
    service.real_servers[1].tunnel_type = model::TunnelType::gre;
    const auto targets = check_targets(configuration, {});
    ASSERT_TRUE(targets.at(0).way && targets.at(1).way);
    EXPECT_EQ(targets[0].address, testing::address("10.11.12.1"));
    EXPECT_EQ(targets[0].way->virtual_address, testing::address("192.0.2.80"));
    EXPECT_EQ(targets[0].way->method, ForwardingMethod::direct);
    EXPECT_EQ(targets[1].way->method, ForwardingMethod::tunnel);
    EXPECT_EQ(targets[1].way->tunnel.type, model::TunnelType::gre);
    service.real_servers[0].monitor.to = model::CheckTo::real_server;
    EXPECT_FALSE(check_targets(configuration, {})[0].way);
}

TEST(CheckPlaces, are_those_of_the_families_that_are_asked) {
    auto configuration = two_servers();
    EXPECT_FALSE(check_places(check_targets(configuration, {}), {"lan0"}).any());
    auto& service = configuration.virtual_servers[0];
    service.monitor.to = model::CheckTo::virtual_address;
    service.network_type = model::ForwardingMethod::direct;
    const auto places = check_places(check_targets(configuration, {}), {"lan0"});
    EXPECT_TRUE(places.ipv4 && !places.ipv6);
    EXPECT_THAT(places.devices, ElementsAre("lan0"));
}

TEST(CheckTargets, what_is_not_active_is_not_checked) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[0].active = false;
    configuration.virtual_servers[1].real_servers[0].active = false;
    const auto targets = check_targets(configuration, {});
    ASSERT_THAT(targets, SizeIs(1));
    EXPECT_EQ(targets[0].id, (TargetId{"https", "web-2"}));
}

/// What the data plane holds of a configuration whose servers have these weights.
dataplane::State pool_of(const model::Configuration& configuration,
                         std::initializer_list<std::uint32_t> weights) {
    const auto& service = configuration.virtual_servers[0];
    dataplane::Service pool{service_key(service), {}, {}};
    for (std::size_t i = 0; i < weights.size(); ++i) {
        pool.servers.push_back(
            {.key = server_key(service, service.real_servers[i]), .weight = weights.begin()[i]});
    }
    return {.services = {pool}, .hooks = {}, .timeouts = {}};
}

TEST(ServersInPools, those_that_are_there_were_up) {
    const auto configuration = two_servers();
    EXPECT_THAT(servers_in_pools(configuration, {}), IsEmpty());
    EXPECT_THAT(servers_in_pools(configuration, pool_of(configuration, {1})),
                ElementsAre(TargetId{"web", "web-1"}));
    EXPECT_THAT(servers_in_pools(configuration, pool_of(configuration, {1, 0})), SizeIs(2))
        << "its weight was 0 before an edit";
}

TEST(ServersInPools, those_that_are_there_drained_were_down) {
    auto configuration = two_servers();
    configuration.virtual_servers[0].on_failure = model::OnFailure::drain;
    EXPECT_THAT(servers_in_pools(configuration, pool_of(configuration, {0, 3})),
                ElementsAre(TargetId{"web", "web-2"}));
    configuration.virtual_servers[0].real_servers[0].weight = 0;
    EXPECT_THAT(servers_in_pools(configuration, pool_of(configuration, {0, 3})), SizeIs(2));
}

TEST(ServersInPools, those_of_a_mark_were_up_for_all_its_virtual_servers) {
    const auto configuration = two_of_one_mark();
    EXPECT_THAT(servers_in_pools(configuration, pool_of(configuration, {1})),
                ElementsAre(TargetId{"http", "web-1"}, TargetId{"https", "web-1"}));
}

TEST(ServerAddresses, sorry_servers_are_reached_like_real_ones) {
    auto configuration = two_of_one_mark();
    EXPECT_THAT(server_addresses(configuration), SizeIs(2));
    configuration.virtual_servers[1].sorry_server = {testing::address("10.11.12.9"), {}, {}};
    EXPECT_TRUE(server_addresses(configuration).contains(testing::address("10.11.12.9")));
}

TEST(CheckTargets, what_is_disabled_is_not_checked) {
    using enum model::AdministrativeState;
    for (const auto state : {draining, maintenance, disabled}) {
        const StateView states{{{"web", "web-1"}, state}};
        EXPECT_THAT(check_targets(two_servers(), states), SizeIs(state == disabled ? 1 : 2));
    }
}

TEST(FindTarget, knows_real_servers_by_their_names) {
    const auto configuration = two_servers();
    const TargetId web_1{"web", "web-1"};
    EXPECT_EQ(find_target(configuration, {.real_server = "web/web-1"}).value(), web_1);
    EXPECT_EQ(find_target(configuration, {.virtual_server = "web", .real_server = "web-1"}).value(),
              web_1);
    EXPECT_FALSE(find_target(configuration, {.virtual_server = "web", .real_server = "web/web-1"}));
    const auto message = [&](const std::string& name) {
        return find_target(configuration, {.real_server = name}).error().message;
    };
    EXPECT_THAT(message("web/web-3"), HasSubstr("it has \"web-1\", \"web-2\""));
    for (const auto* name : {"", "web", "mail/web-1"})
        EXPECT_THAT(message(name), HasSubstr("the virtual servers are \"web\""));
}

TEST(FindTarget, names_may_have_slashes) {
    auto configuration = two_servers();
    auto& web = configuration.virtual_servers[0];
    web.name = "a";
    web.real_servers[0].name = "b/c";
    EXPECT_EQ(find_target(configuration, {.real_server = "a/b/c"}).value(), (TargetId{"a", "b/c"}));
    auto other = web;
    other.name = "a/b";
    other.real_servers[0].name = "c";
    configuration.virtual_servers.push_back(other);
    EXPECT_THAT(find_target(configuration, {.real_server = "a/b/c"}).error().message,
                HasSubstr("one by one"));
    EXPECT_EQ(find_target(configuration, {.virtual_server = "a/b", .real_server = "c"}).value(),
              (TargetId{"a/b", "c"}));
}

}  // namespace
}  // namespace shoal::director

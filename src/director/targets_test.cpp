#include "director/targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "director/marks.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using health::TargetId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::two_of_one_mark;
using testing::two_servers;

TEST(CheckTargets, each_virtual_server_of_a_mark_checks_its_own_port) {
    auto configuration = two_of_one_mark();
    const auto targets = check_targets(configuration);
    ASSERT_THAT(targets, SizeIs(4));
    EXPECT_EQ(targets[0].id, (TargetId{"http", "web-1"}));
    EXPECT_EQ(targets[0].port, 80);
    EXPECT_EQ(targets[2].id, (TargetId{"https", "web-1"}));
    EXPECT_EQ(targets[2].port, 443);
    configuration.virtual_servers[0].port = 0;
    EXPECT_EQ(check_targets(configuration)[0].port, 443) << "the first port of the mark's rules";
}

TEST(CheckTargets, what_has_no_port_is_not_checked) {
    auto configuration = two_servers();
    EXPECT_TRUE(check_targets(configuration)[0].monitor.enabled);
    configuration.virtual_servers[0].port = 0;
    EXPECT_FALSE(check_targets(configuration)[0].monitor.enabled);
    configuration.virtual_servers[0].real_servers[0].port = 8080;
    EXPECT_TRUE(check_targets(configuration)[0].monitor.enabled);
}

TEST(CheckTargets, what_is_not_active_is_not_checked) {
    auto configuration = two_of_one_mark();
    configuration.virtual_servers[0].active = false;
    configuration.virtual_servers[1].real_servers[0].active = false;
    const auto targets = check_targets(configuration);
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

}  // namespace
}  // namespace shoal::director

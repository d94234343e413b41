#include "director/running.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "director/marks.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using testing::address;
using testing::all_up;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::two_servers;

class RunningTest : public ::testing::Test {
  protected:
    /// Both are in the pool, web-2 at its head; web-1 has 12 connections and web-2 none.
    void SetUp() override {
        const auto key = service_key(configuration.virtual_servers[0]);
        state.services = {{key,
                           {},
                           {{.key = {address("10.11.12.2"), 80}, .weight = 3},
                            {.key = {address("10.11.12.1"), 80}, .weight = 1}}}};
        dataplane::ServiceLoad load{key, {}, {}};
        load.servers = {
            {.key = {address("10.11.12.1"), 80}, .active = 5, .inactive = 7, .persistent = 2},
            {.key = {address("10.11.12.2"), 80}}};
        statistics.services = {load};
        statistics.table.used = 14;
    }
    config::RunningService web() const {
        return running_now(configuration, {health, states}, state, statistics).services.at("web");
    }

    model::Configuration configuration = two_servers();
    health::HealthView health = all_up(configuration);
    StateView states;
    dataplane::State state;
    dataplane::Statistics statistics;
};

TEST_F(RunningTest, is_the_pool_in_its_order_with_what_it_counts) {
    const auto running = running_now(configuration, {health, states}, state, statistics);
    EXPECT_EQ(running.cells_used, 14U);
    const auto found = web();
    ASSERT_EQ(found.servers.size(), 2U);
    EXPECT_EQ(found.servers[0].endpoint, config::ServerEndpoint(address("10.11.12.2"), 80));
    EXPECT_EQ(found.servers[0].weight, 3U);
    EXPECT_EQ(found.servers[0].connections, 0U);
    EXPECT_EQ(found.servers[1].connections, 12U);
    EXPECT_EQ(found.servers[1].persistent_clients, 2U);
    EXPECT_THAT(found.unusable, IsEmpty());
}

TEST_F(RunningTest, knows_who_could_not_serve_whatever_the_file_says) {
    const config::ServerEndpoint first{address("10.11.12.1"), 80};
    const config::ServerEndpoint second{address("10.11.12.2"), 80};
    health[{"web", "web-1"}].health = model::Health::down;
    EXPECT_THAT(web().unusable, ElementsAre(first));
    health[{"web", "web-1"}].health = model::Health::up;
    states[{"web", "web-2"}] = model::AdministrativeState::draining;
    EXPECT_THAT(web().unusable, ElementsAre(second));
    configuration.virtual_servers[0].real_servers[0].active = false;
    health.erase({"web", "web-1"});
    EXPECT_THAT(web().unusable, ElementsAre(second)) << "it is not checked, and may well be up";
}

TEST_F(RunningTest, of_a_mark_is_the_same_for_all_of_its_virtual_servers) {
    configuration = testing::two_of_one_mark();
    health = all_up(configuration);
    state.services[0].key = service_key(configuration.virtual_servers[0]);
    const auto running = running_now(configuration, {health, states}, state, statistics);
    EXPECT_EQ(running.services.at("http").servers.size(), 2U);
    EXPECT_EQ(running.services.at("https").servers.size(), 2U);
}

TEST_F(RunningTest, without_a_data_plane_is_empty) {
    state.services.clear();
    EXPECT_THAT(web().servers, IsEmpty());
}

}  // namespace
}  // namespace shoal::director

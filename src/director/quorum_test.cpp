#include "director/quorum.h"

#include <gtest/gtest.h>

#include "director/desired_state.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using model::Health;
using testing::real_server;
using testing::weights;
using Weights = std::map<int, std::uint32_t>;

/// "web" with web-1 to web-5, and 10.11.12.9 as its sorry server.
model::Configuration five_servers(std::uint32_t quorum, std::uint32_t hysteresis) {
    auto configuration = testing::two_servers();
    auto& service = configuration.virtual_servers[0];
    service.real_servers.clear();
    for (const char number : {'1', '2', '3', '4', '5'})
        service.real_servers.push_back(
            real_server(std::string("web-") + number, std::string("10.11.12.") + number));
    service.quorum = quorum;
    service.quorum_hysteresis = hysteresis;
    service.sorry_server = {testing::address("10.11.12.9"), {}, {}};
    return configuration;
}

/// The first `up` are up, the others down.
health::HealthView some_up(const model::Configuration& configuration, std::size_t up) {
    health::HealthView view;
    for (const auto& server : configuration.virtual_servers[0].real_servers)
        view[{"web", server.name}].health = view.size() < up ? Health::up : Health::down;
    return view;
}

/// Of the first virtual server.
Quorum quorum_now(const model::Configuration& configuration, const Circumstances& now) {
    const auto group = service_groups(configuration).at(0);
    return quorum_of(group, candidates(configuration, group, now), now.lost_quorums);
}

TEST(Quorum, is_lost_below_it_and_regained_with_the_hysteresis) {
    const auto configuration = five_servers(2, 2);
    LostQuorums memory;
    const auto lost_with = [&](std::size_t up) {
        const auto health = some_up(configuration, up);
        const auto quorum = quorum_now(configuration, {.health = health, .lost_quorums = memory});
        EXPECT_EQ(quorum.usable, up);
        EXPECT_TRUE(quorum.certain);
        memory = quorum.lost ? LostQuorums{"web"} : LostQuorums{};
        return quorum.lost;
    };
    EXPECT_FALSE(lost_with(5));
    EXPECT_FALSE(lost_with(2));
    EXPECT_TRUE(lost_with(1));
    EXPECT_TRUE(lost_with(2));
    EXPECT_TRUE(lost_with(3));
    EXPECT_FALSE(lost_with(4));
    EXPECT_FALSE(lost_with(2));
}

TEST(Quorum, lost_lets_the_sorry_server_serve_alone_and_connections_go_on) {
    const auto configuration = five_servers(3, 0);
    const auto health = some_up(configuration, 2);
    const auto desired = desired_state(configuration, {health}, {});
    EXPECT_EQ(weights(desired.services[0]), (Weights{{1, 0}, {2, 0}, {9, 1}}));
    EXPECT_EQ(weights(desired_state(configuration, {some_up(configuration, 3)}, {}).services[0]),
              (Weights{{1, 1}, {2, 1}, {3, 1}}));
}

TEST(Quorum, lost_with_a_scheduler_that_hashes_leaves_the_sorry_server_alone_in_the_pool) {
    auto configuration = five_servers(3, 0);
    const auto health = some_up(configuration, 2);
    for (const auto scheduler :
         {model::Scheduler::dh, model::Scheduler::sh, model::Scheduler::mh}) {
        configuration.virtual_servers[0].scheduler = scheduler;
        const auto desired = desired_state(configuration, {health}, {});
        EXPECT_EQ(weights(desired.services[0]), (Weights{{9, 1}}));
        const auto& departures = desired.departures.at(desired.services[0].key);
        EXPECT_EQ(departures.connections_of({testing::address("10.11.12.1"), 80}),
                  model::RemovedConnections::keep);
        EXPECT_EQ(departures.connections_of({testing::address("10.11.12.3"), 80}),
                  model::RemovedConnections::end);
    }
}

TEST(Quorum, lost_without_a_sorry_server_leaves_the_rest_serving) {
    auto configuration = five_servers(3, 0);
    configuration.virtual_servers[0].sorry_server.reset();
    const auto health = some_up(configuration, 2);
    EXPECT_TRUE(quorum_now(configuration, {health}).lost);
    EXPECT_EQ(weights(desired_state(configuration, {health}, {}).services[0]),
              (Weights{{1, 1}, {2, 1}}));
}

TEST(Quorum, counts_who_may_have_new_connections) {
    using enum model::AdministrativeState;
    auto configuration = five_servers(2, 0);
    auto& servers = configuration.virtual_servers[0].real_servers;
    const auto health = some_up(configuration, 5);
    servers[0].weight = 0;
    servers[1].active = false;
    for (const auto state : {draining, maintenance, disabled}) {
        const StateView states{{{"web", "web-3"}, state}};
        EXPECT_EQ(quorum_now(configuration, {.health = health, .states = states}).usable, 2U);
    }
}

TEST(Quorum, is_not_certain_before_the_first_checks_have_ended) {
    const auto configuration = five_servers(2, 0);
    EXPECT_EQ(quorum_now(configuration, {}),
              (Quorum{.all = 5, .usable = 0, .lost = true, .certain = false}));
    auto health = some_up(configuration, 0);
    health.erase({"web", "web-5"});
    EXPECT_TRUE(quorum_now(configuration, {health}).certain) << "one is not enough";
}

TEST(Quorum, of_a_mark_is_lost_for_all_of_it) {
    auto configuration = testing::two_of_one_mark();
    configuration.virtual_servers[1].quorum = 2;
    auto health = testing::all_up(configuration);
    health[{"https", "web-1"}].health = Health::down;
    EXPECT_EQ(quorum_now(configuration, {health}), (Quorum{.all = 2, .usable = 1, .lost = true}));
}

TEST(Quorum, that_was_lost_is_seen_in_the_pools) {
    const auto configuration = five_servers(2, 1);
    const auto lost_with = [&](std::size_t up, const LostQuorums& before) {
        const auto health = some_up(configuration, up);
        dataplane::State state;
        state.services =
            desired_state(configuration, {.health = health, .lost_quorums = before}, {}).services;
        return lost_quorums_of(configuration, state);
    };
    EXPECT_EQ(lost_with(2, {"web"}), LostQuorums{"web"});
    EXPECT_EQ(lost_with(0, {}), LostQuorums{"web"});
    EXPECT_EQ(lost_with(2, {}), LostQuorums{});
    EXPECT_EQ(lost_quorums_of(configuration, {}), LostQuorums{});
}

}  // namespace
}  // namespace shoal::director

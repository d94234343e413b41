#include "director/weights.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "director/circumstances.h"
#include "director/desired_state.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using testing::two_servers;
using testing::weights;
using Weights = std::map<int, std::uint32_t>;

std::uint32_t scale_of(const model::Configuration& configuration) {
    return weight_scale(service_groups(configuration).at(0));
}

TEST(Weights, are_the_files_where_nothing_changes_them) {
    EXPECT_EQ(scale_of(two_servers()), 1U);
    for (const std::uint32_t weight : {0U, 1U, 100U, 65'535U})
        EXPECT_EQ(weight_in_force(weight, full_weight, 1), weight);
}

TEST(Weights, are_finer_where_loads_or_slow_starts_change_them) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.slow_start = std::chrono::seconds(30);
    EXPECT_EQ(scale_of(configuration), 100U);
    service.slow_start = {};
    service.load_monitor.tool = model::LoadTool::rup;
    EXPECT_EQ(scale_of(configuration), 100U);
    for (const auto scheduler : {model::Scheduler::ovf, model::Scheduler::sh}) {
        service.scheduler = scheduler;
        EXPECT_EQ(scale_of(configuration), 1U) << "they are numbers of connections, or of slots";
    }
}

TEST(Weights, leave_room_for_the_greatest) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.slow_start = std::chrono::seconds(30);
    service.real_servers[0].weight = 1000;
    EXPECT_EQ(scale_of(configuration), 65U);
    service.load_monitor.tool = model::LoadTool::rup;
    service.load_monitor.greatest_weight = 200;
    EXPECT_EQ(scale_of(configuration), 32U) << "a load may double it";
    service.real_servers[0].weight = 65'535;
    EXPECT_EQ(scale_of(configuration), 1U);
}

TEST(Weights, of_one_mark_have_one_scale) {
    auto configuration = testing::two_of_one_mark();
    configuration.virtual_servers[1].slow_start = std::chrono::seconds(30);
    EXPECT_EQ(scale_of(configuration), 100U);
}

RC_GTEST_PROP(Weights, in_force_are_0_exactly_where_the_files_are, ()) {
    const auto weight = *rc::gen::inRange(0U, 65'536U);
    const auto factor = *rc::gen::inRange(0U, 10'000U);
    const auto scale = *rc::gen::inRange(1U, 101U);
    const auto in_force = weight_in_force(weight, factor, scale);
    RC_ASSERT((in_force == 0) == (weight == 0));
    RC_ASSERT(in_force <= greatest_weight);
}

TEST(Weights, factors_count_for_all_servers_of_the_pool) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.slow_start = std::chrono::seconds(30);
    service.sorry_server = {testing::address("10.11.12.9"), {}, {}};
    auto health = testing::all_up(configuration);
    const WeightFactors factors{{{"web", "web-1"}, 105}, {{"web", "web-2"}, 2000}};
    EXPECT_EQ(
        weights(
            desired_state(configuration, {.health = health, .factors = factors}, {}).services[0]),
        (Weights{{1, 11}, {2, 600}}));
    EXPECT_EQ(weights(desired_state(configuration, {}, {}).services[0]), (Weights{{9, 100}}));
}

TEST(Weights, of_a_mark_take_the_least_factor) {
    auto configuration = testing::two_of_one_mark();
    configuration.virtual_servers[0].slow_start = std::chrono::seconds(30);
    const auto health = testing::all_up(configuration);
    const WeightFactors factors{{{"http", "web-1"}, 1500},
                                {{"https", "web-1"}, 500},
                                {{"http", "web-2"}, 1500},
                                {{"https", "web-2"}, 1200}};
    EXPECT_EQ(
        weights(
            desired_state(configuration, {.health = health, .factors = factors}, {}).services[0]),
        (Weights{{1, 50}, {2, 360}}));
}

}  // namespace
}  // namespace shoal::director

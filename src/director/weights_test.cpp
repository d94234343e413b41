#include "director/weights.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <numeric>

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

std::vector<dataplane::Server> servers_of(const std::vector<std::uint32_t>& weights) {
    std::vector<dataplane::Server> servers(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
        servers[i].weight = weights[i];
    return servers;
}

/// IPVS's wrr, from its description: who gets the connections of one round, by place in the list.
std::vector<std::size_t> wrr_round(const std::vector<dataplane::Server>& servers) {
    std::uint32_t step = 0;
    std::uint32_t top = 0;
    for (const auto& server : servers) {
        step = std::gcd(step, server.weight);
        top = std::max(top, server.weight);
    }
    std::vector<std::size_t> round;
    for (auto least = top; least > 0; least -= step)
        for (std::size_t i = 0; i < servers.size(); ++i)
            if (servers[i].weight >= least) round.push_back(i);
    return round;
}

std::size_t longest_run(const std::vector<std::size_t>& round) {
    std::size_t longest = 0;
    std::size_t run = 0;
    for (std::size_t i = 0; i < round.size(); ++i) {
        run = i > 0 && round[i] == round[i - 1] ? run + 1 : 1;
        longest = std::max(longest, run);
    }
    return longest;
}

TEST(Weights, of_wrr_give_no_long_runs_where_they_are_scaled) {
    struct Case {
        std::vector<std::uint32_t> weights;
        std::size_t longest;
    };
    for (const auto& [weights, longest] : std::vector<Case>{{{997, 1000}, 1},
                                                            {{1000, 503}, 2},
                                                            {{1000, 100}, 10},
                                                            {{1000, 697, 1003}, 1},
                                                            {{100, 53}, 6},
                                                            {{65'535, 65'001}, 1}}) {
        auto servers = servers_of(weights);
        const auto before = longest_run(wrr_round(servers));
        interleave(servers);
        EXPECT_LE(longest_run(wrr_round(servers)), longest) << weights[0] << " " << weights[1];
        EXPECT_LE(longest_run(wrr_round(servers)), before);
    }
}

RC_GTEST_PROP(Weights, of_wrr_are_changed_by_a_fiftieth_at_most, ()) {
    const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::oneOf(
        rc::gen::just(0U), rc::gen::inRange(1U, 1000U), rc::gen::inRange(1U, 65'536U)));
    auto servers = servers_of(weights);
    interleave(servers);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto now = std::int64_t{servers[i].weight};
        RC_ASSERT((now == 0) == (weights[i] == 0));
        RC_ASSERT(std::abs(now - std::int64_t{weights[i]}) * 50 <= std::int64_t{weights[i]});
        RC_ASSERT(now <= greatest_weight);
    }
}

TEST(Weights, of_wrr_stay_the_files_while_nothing_scales_them) {
    auto configuration = two_servers();
    auto& service = configuration.virtual_servers[0];
    service.scheduler = model::Scheduler::wrr;
    service.slow_start = std::chrono::seconds(30);
    service.real_servers[0].weight = 99;
    service.real_servers[1].weight = 100;
    const auto health = testing::all_up(configuration);
    const auto pool = [&](const WeightFactors& factors) {
        return weights(
            desired_state(configuration, {.health = health, .factors = factors}, {}).services[0]);
    };
    EXPECT_EQ(pool({}), (Weights{{1, 9900}, {2, 10'000}}));
    EXPECT_EQ(pool({{{"web", "web-2"}, 995}}), (Weights{{1, 9950}, {2, 9950}}));
    service.scheduler = model::Scheduler::wlc;
    EXPECT_EQ(pool({{{"web", "web-2"}, 995}}), (Weights{{1, 9900}, {2, 9950}}));
}

}  // namespace
}  // namespace shoal::director

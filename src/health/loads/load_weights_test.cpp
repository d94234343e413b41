#include "health/loads/load_weights.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <utility>

#include "health/loads/pool_simulation.h"

namespace shoal::health {
namespace {

using std::chrono::seconds;

constexpr TimePoint begin{};

/// `count` loads, one each interval, from `now` on.
TimePoint observe(LoadWeight& weight, double load, int count, seconds interval = seconds(10),
                  TimePoint now = begin) {
    for (int i = 0; i < count; ++i)
        weight.observe(load, now += interval);
    return now;
}

TEST(LoadWeight, leaves_the_weight_alone_under_normal_load) {
    LoadWeight weight({.normal_load = 150});
    observe(weight, 1.5, 1000);
    EXPECT_EQ(weight.per_mille(), full_factor);
}

TEST(LoadWeight, comes_to_normal_load_by_load) {
    LoadWeight weight({.normal_load = 100});
    observe(weight, 2, 1000);
    EXPECT_NEAR(weight.per_mille(), 500, 500 * 0.06);
    observe(weight, 0.8, 1000);
    EXPECT_NEAR(weight.per_mille(), 1250, 1250 * 0.06);
}

TEST(LoadWeight, stops_at_its_bounds) {
    LoadWeight weight({.least_weight = 30, .greatest_weight = 300});
    observe(weight, 0, 1000);
    EXPECT_EQ(weight.per_mille(), 3000U);
    observe(weight, 10'000, 1000);
    EXPECT_EQ(weight.per_mille(), 300U);
}

TEST(LoadWeight, moves_slowly) {
    LoadWeight weight({});
    observe(weight, 10'000, 1);
    EXPECT_GT(weight.per_mille(), 900U);
    observe(weight, 10'000, 19);
    EXPECT_GT(weight.per_mille(), 350U);
    EXPECT_LT(weight.per_mille(), 500U);
}

TEST(LoadWeight, moves_as_far_in_the_same_time_however_often_it_is_asked) {
    LoadWeight often({.interval = seconds(10)});
    observe(often, 4, 20, seconds(5));
    LoadWeight seldom({.interval = seconds(10)});
    observe(seldom, 4, 4, seconds(25));
    EXPECT_NEAR(often.per_mille(), seldom.per_mille(), 60);
}

TEST(LoadWeight, moves_by_a_fifth_at_most) {
    LoadWeight weight({});
    weight.observe(4, begin);
    weight.observe(4, begin + std::chrono::hours(10));
    // 0.25 to the power of 0.2.
    EXPECT_GT(weight.per_mille(), 700U);
}

TEST(LoadWeight, does_not_twitch) {
    LoadWeight weight({});
    auto now = observe(weight, 2, 1000);
    const auto settled = weight.per_mille();
    for (int i = 0; i < 1000; ++i) {
        weight.observe(i % 2 == 0 ? 1.7 : 2.3, now += seconds(10));
        EXPECT_EQ(weight.per_mille(), settled);
    }
}

TEST(LoadWeight, does_what_an_agent_orders_within_its_bounds) {
    LoadWeight weight({.least_weight = 25, .greatest_weight = 200});
    weight.order(75, begin);
    EXPECT_EQ(weight.per_mille(), 750U);
    weight.order(0, begin);
    EXPECT_EQ(weight.per_mille(), 250U);
    weight.order(10'000, begin);
    EXPECT_EQ(weight.per_mille(), 2000U);
}

TEST(LoadWeight, goes_slowly_back_when_nothing_is_known) {
    LoadWeight weight({.interval = seconds(10)});
    auto now = observe(weight, 4, 1000);
    auto before = weight.per_mille();
    EXPECT_EQ(before, 250U);
    int steps = 0;
    while (weight.per_mille() != full_factor && steps++ < 100) {
        weight.forget(now += seconds(10));
        EXPECT_GE(weight.per_mille(), before);
        EXPECT_LT(weight.per_mille(), before * 5 / 4);
        before = weight.per_mille();
    }
    EXPECT_GT(steps, 10);
    EXPECT_LT(steps, 40);
}

TEST(LoadWeight, goes_on_when_a_clock_stands_still) {
    LoadWeight weight({});
    weight.observe(4, begin);
    weight.observe(4, begin);
    weight.observe(4, begin - seconds(5));
    EXPECT_GT(weight.per_mille(), 900U);
}

/// Every kind of pool at every offer: without factors to begin with.
std::vector<SimulatedPool> pools(seconds interval, seconds age) {
    std::vector<SimulatedPool> all;
    for (const auto& capacities :
         std::vector<std::vector<double>>{{1, 1, 1}, {1, 0.5, 2}, {1, 1, 0.25, 1}}) {
        const double sum = std::accumulate(capacities.begin(), capacities.end(), 0.0);
        for (const double part : {0.3, 0.6, 0.95, 1.1}) {
            for (const bool linear : {false, true})
                all.push_back({.capacities = capacities,
                               .offered = sum * part,
                               .settings = {.interval = interval},
                               .age = age,
                               .linear = linear});
        }
    }
    return all;
}

std::string described(const SimulatedPool& pool) {
    return std::to_string(pool.settings.interval.count()) + " ms, " +
           std::to_string(pool.capacities.size()) + " servers, " + std::to_string(pool.offered) +
           " offered, from " + std::to_string(pool.begin[0]) + (pool.linear ? ", linear" : "");
}

std::vector<std::vector<std::uint32_t>> course_of(SimulatedPool pool, std::uint32_t first,
                                                  std::uint32_t others) {
    pool.begin.assign(pool.capacities.size(), others);
    pool.begin[0] = first;
    const seconds time =
        std::max(seconds(3600), 60 * std::chrono::duration_cast<seconds>(pool.settings.interval));
    const auto course = simulate(pool, time);
    // What is left is a step or two of the dead band.
    if (!pool.at_once) EXPECT_LT(swing(course), 1.12) << described(pool);
    return course;
}

/// From everywhere to rest, and to the same.
void expect_rest(const SimulatedPool& pool) {
    const auto rest = course_of(pool, 1000, 1000).back();
    for (const auto& [first, others] : {std::pair{250U, 2000U}, std::pair{2000U, 250U}}) {
        const auto end = course_of(pool, first, others).back();
        for (std::size_t i = 0; i < rest.size(); ++i)
            EXPECT_NEAR(end[i], rest[i], rest[i] * 0.15) << described(pool) << " from " << first;
    }
}

TEST(LoadWeights, of_a_pool_come_to_rest_when_asked_every_second) {
    for (const auto& pool : pools(seconds(1), seconds(5)))
        expect_rest(pool);
}

TEST(LoadWeights, of_a_pool_come_to_rest_when_asked_every_ten_seconds) {
    for (const auto& pool : pools(seconds(10), seconds(15)))
        expect_rest(pool);
}

TEST(LoadWeights, of_a_pool_come_to_rest_when_told_every_three_minutes) {
    for (const auto& pool : pools(seconds(180), seconds(180)))
        expect_rest(pool);
}

TEST(LoadWeights, of_a_pool_would_swing_for_ever_if_they_followed_at_once) {
    double most = 1;
    for (auto pool : pools(seconds(180), seconds(180))) {
        pool.at_once = true;
        most = std::max(most, swing(course_of(pool, 1000, 1000)));
    }
    EXPECT_GT(most, 5);
}

TEST(LoadWeights, give_a_slower_real_server_less) {
    const SimulatedPool pool{.capacities = {1, 0.5, 2},
                             .offered = 2.1,
                             .begin = {1000, 1000, 1000},
                             .settings = {.interval = seconds(10)},
                             .age = seconds(15)};
    const auto end = simulate(pool, seconds(3600)).back();
    EXPECT_LT(end[1] * 3, end[0] * 2);
    EXPECT_GT(end[2] * 2, end[0] * 3);
}

}  // namespace
}  // namespace shoal::health

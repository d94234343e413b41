#include "director/rates.h"

#include <gtest/gtest.h>

#include "director/testing.h"

namespace shoal::director {
namespace {

using std::chrono::seconds;

constexpr TimePoint start{seconds(1000)};

model::Counters connections(std::uint64_t number) {
    return {.connections = number};
}

TEST(RateEstimator, begins_at_0_whatever_was_counted_before) {
    RateEstimator estimator;
    EXPECT_EQ(estimator.rates(), model::Rates{});
    estimator.sample(connections(1'000'000), start);
    EXPECT_EQ(estimator.rates(), model::Rates{});
}

TEST(RateEstimator, takes_over_a_quarter_of_the_difference_at_each_sample) {
    RateEstimator estimator;
    std::uint64_t counted = 0;
    std::vector<std::uint64_t> seen;
    for (int tick = 0; tick < 5; ++tick) {
        estimator.sample(connections(counted), start + tick * rate_interval);
        seen.push_back(estimator.rates().connections);
        counted += 2'000;
    }
    // 1000 in a second: 0, 250, 437.5, 578.1, 683.6.
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{0, 250, 438, 578, 684}));
}

TEST(RateEstimator, fades_when_nothing_happens) {
    RateEstimator estimator;
    estimator.sample(connections(0), start);
    estimator.sample(connections(8'000), start + rate_interval);
    EXPECT_EQ(estimator.rates().connections, 1'000U);
    estimator.sample(connections(8'000), start + 2 * rate_interval);
    EXPECT_EQ(estimator.rates().connections, 750U);
    for (int tick = 3; tick < 40; ++tick)
        estimator.sample(connections(8'000), start + tick * rate_interval);
    EXPECT_EQ(estimator.rates().connections, 0U);
}

TEST(RateEstimator, measures_by_the_time_that_passed) {
    RateEstimator estimator;
    estimator.sample(connections(0), start);
    estimator.sample(connections(4'000), start + seconds(4));
    EXPECT_EQ(estimator.rates().connections, 250U);
    // No time: no rate.
    estimator.sample(connections(9'000), start + seconds(4));
    EXPECT_EQ(estimator.rates().connections, 250U);
}

TEST(RateEstimator, a_counter_that_goes_backwards_stood_still) {
    RateEstimator estimator;
    estimator.sample({.connections = 10, .packets_in = 5'000}, start);
    estimator.sample({.connections = 810, .packets_in = 10}, start + rate_interval);
    EXPECT_EQ(estimator.rates().connections, 100U);
    EXPECT_EQ(estimator.rates().packets_in, 0U);
    estimator.sample({.connections = 810, .packets_in = 810}, start + 2 * rate_interval);
    EXPECT_EQ(estimator.rates().packets_in, 100U) << "from where it went back to";
}

TEST(RateEstimator, keeps_the_five_counters_apart) {
    RateEstimator estimator;
    estimator.sample({}, start);
    estimator.sample({8, 80, 800, 8'000, 80'000'000'000'000}, start + rate_interval);
    EXPECT_EQ(estimator.rates(), (model::Rates{1, 10, 100, 1'000, 10'000'000'000'000}));
}

class RateTableTest : public ::testing::Test {
  protected:
    static dataplane::ServiceKey service(std::uint16_t port) {
        return {.address = testing::address("192.0.2.80"), .port = port};
    }
    dataplane::ServerKey web1{testing::address("10.11.12.1"), 80};
    dataplane::ServerKey web2{testing::address("10.11.12.2"), 80};

    /// What one service and one real server of it counted.
    static dataplane::ServiceLoad load(const dataplane::ServiceKey& key,
                                       const dataplane::ServerKey& server, std::uint64_t number) {
        return {key, connections(number), {{.key = server, .counters = connections(number)}}};
    }
    void sample(std::vector<dataplane::ServiceLoad> loads) {
        dataplane::Statistics statistics;
        statistics.services = std::move(loads);
        table.sample(statistics, now);
        now += rate_interval;
    }

    TimePoint now = start;
    RateTable table;
};

TEST_F(RateTableTest, every_server_has_its_own_rate_and_the_total_is_their_sum) {
    sample({load(service(80), web1, 0), load(service(443), web1, 0)});
    sample({load(service(80), web1, 800), load(service(443), web1, 80)});
    EXPECT_EQ(table.of(service(80)).connections, 100U);
    EXPECT_EQ(table.of(service(443)).connections, 10U);
    EXPECT_EQ(table.of(service(80), web1).connections, 100U);
    EXPECT_EQ(table.of(service(443), web1).connections, 10U);
    EXPECT_EQ(table.total().connections, 110U);
}

TEST_F(RateTableTest, what_is_not_counted_has_no_rate) {
    sample({load(service(80), web1, 0)});
    sample({load(service(80), web1, 800)});
    EXPECT_EQ(table.of(service(443)), model::Rates{});
    EXPECT_EQ(table.of(service(80), web2), model::Rates{});
}

TEST_F(RateTableTest, what_went_and_came_back_begins_at_0) {
    sample({load(service(80), web1, 0)});
    sample({load(service(80), web1, 800)});
    sample({load(service(80), web2, 1'600)});
    EXPECT_EQ(table.of(service(80), web1), model::Rates{});
    EXPECT_EQ(table.of(service(80), web2), model::Rates{});
    EXPECT_EQ(table.of(service(80)).connections, 175U) << "100, and a quarter of 400 - 100";
    sample({});
    EXPECT_EQ(table.total(), model::Rates{});
}

TEST(RateTable, verdicts_have_rates_too) {
    RateTable rates;
    dataplane::Statistics statistics;
    statistics.verdicts = {{"denied", "dropped", 0}, {"forwarded", "sent", 5}};
    rates.sample(statistics, start);
    statistics.verdicts[0].packets = 800;
    rates.sample(statistics, start + rate_interval);
    EXPECT_EQ(rates.of_verdict("denied"), 100U);
    EXPECT_EQ(rates.of_verdict("forwarded"), 0U);
    EXPECT_EQ(rates.of_verdict("unheard_of"), 0U);
}

}  // namespace
}  // namespace shoal::director

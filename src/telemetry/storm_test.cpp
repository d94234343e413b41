#include "telemetry/storm.h"

#include <gtest/gtest.h>

namespace shoal::telemetry {
namespace {

using std::chrono::milliseconds;

Event number(int i) {
    return {.virtual_server = "web", .real_server = "web-" + std::to_string(i), .reason = "gone"};
}

class StormTest : public testing::Test {
  protected:
    /// How many of these were to be told at once.
    int take(int count) {
        int told = 0;
        for (int i = 1; i <= count; ++i)
            told += storm_.take(number(i), now_) ? 1 : 0;
        return told;
    }
    TimePoint now_{std::chrono::hours(1)};
    Storm storm_;
};

TEST_F(StormTest, few_are_told_at_once) {
    EXPECT_EQ(take(20), 20);
    EXPECT_FALSE(storm_.due());
    now_ += milliseconds(1000);
    EXPECT_EQ(take(20), 20);
    EXPECT_FALSE(storm_.due());
}

TEST_F(StormTest, of_5000_the_first_20_are_told_and_one_that_sums_up_the_rest) {
    EXPECT_EQ(take(5000), 20);
    EXPECT_EQ(storm_.due(), now_ + milliseconds(1000));
    now_ += milliseconds(1000);
    const auto sum = storm_.sum_up(now_);
    EXPECT_EQ(sum.count, 4980U);
    EXPECT_EQ(sum.reason,
              "4980 more events within a second: 4980 real-server-down; the last: real server "
              "web-5000 of web is down: gone");
    EXPECT_FALSE(storm_.due());
}

TEST_F(StormTest, kinds_are_counted_apart) {
    take(20);
    auto up = number(1);
    up.kind = model::EventKind::real_server_up;
    for (int i = 0; i < 3; ++i)
        storm_.take(up, now_);
    storm_.take(number(2), now_);
    now_ += milliseconds(1000);
    EXPECT_TRUE(storm_.sum_up(now_).reason.starts_with(
        "4 more events within a second: 3 real-server-up, 1 real-server-down;"));
}

TEST_F(StormTest, a_storm_that_goes_on_is_one_event_a_second) {
    take(100);
    for (int second = 0; second < 5; ++second) {
        now_ += milliseconds(1000);
        EXPECT_GE(storm_.sum_up(now_).count, 80U);
        EXPECT_EQ(take(100), 0);
    }
}

TEST_F(StormTest, after_a_calm_second_each_is_told_again) {
    take(100);
    now_ += milliseconds(1000);
    storm_.sum_up(now_);
    EXPECT_EQ(take(5), 0);
    now_ += milliseconds(1000);
    EXPECT_EQ(storm_.sum_up(now_).count, 5U);
    EXPECT_EQ(take(5), 5);
}

TEST_F(StormTest, after_a_pause_each_is_told_again) {
    take(100);
    now_ += milliseconds(1000);
    storm_.sum_up(now_);
    now_ += milliseconds(60'000);
    EXPECT_EQ(take(20), 20);
}

TEST_F(StormTest, a_single_one_that_was_kept_is_told_as_itself) {
    take(21);
    now_ += milliseconds(1000);
    EXPECT_EQ(storm_.sum_up(now_), number(21));
}

}  // namespace
}  // namespace shoal::telemetry

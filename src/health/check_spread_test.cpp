#include "health/check_spread.h"

#include <gtest/gtest.h>

#include <array>

namespace shoal::health {
namespace {

constexpr Milliseconds interval{1000};
constexpr std::size_t slices = 10;

/// How many of the targets numbered below `count` are checked in each tenth of an interval.
std::array<int, slices> checks_per_slice(std::uint64_t count) {
    std::array<int, slices> result{};
    for (std::uint64_t number = 0; number < count; ++number) {
        const TimePoint first(std::chrono::seconds(5) + number * std::chrono::microseconds(250));
        const auto in_interval =
            second_check(first, interval, number).time_since_epoch() % interval;
        ++result[static_cast<std::size_t>(in_interval * slices / interval)];
    }
    return result;
}

TEST(CheckSpread, any_number_of_targets_lies_evenly_in_the_interval) {
    for (const std::uint64_t count : {10U, 100U, 137U, 1000U, 5000U}) {
        for (const int checks : checks_per_slice(count)) {
            EXPECT_NEAR(checks, static_cast<double>(count) / slices, 3) << count << " targets";
        }
    }
}

TEST(CheckSpread, the_second_check_is_never_later_than_an_interval_after_the_first) {
    const TimePoint first(std::chrono::microseconds(123'456'789));
    for (std::uint64_t number = 0; number < 1000; ++number) {
        EXPECT_LE(second_check(first, interval, number), first + interval);
        EXPECT_GT(second_check(first, interval, number), first - wakeup_step);
    }
    EXPECT_GT(second_check(first, interval, 0), first + interval - wakeup_step);
}

TEST(CheckSpread, many_targets_share_their_wakeups) {
    const TimePoint first(std::chrono::microseconds(123'456'789));
    for (std::uint64_t number = 0; number < 1000; ++number) {
        const auto when = second_check(first, interval, number).time_since_epoch();
        EXPECT_EQ(when % wakeup_step, Clock::duration::zero());
    }
}

}  // namespace
}  // namespace shoal::health

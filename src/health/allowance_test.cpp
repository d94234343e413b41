#include "health/allowance.h"

#include <gtest/gtest.h>

namespace shoal::health {
namespace {

int taken_of(Allowance& allowance, int asked, TimePoint now) {
    int taken = 0;
    for (int i = 0; i < asked; ++i)
        taken += allowance.take(now) ? 1 : 0;
    return taken;
}

TEST(Allowance, has_a_bound_however_many_ask) {
    const TimePoint start{std::chrono::hours(5)};
    Allowance allowance(1000);
    EXPECT_EQ(taken_of(allowance, 100'000, start), 1000);
    EXPECT_EQ(taken_of(allowance, 100, start), 0);
    int taken = 0;
    for (int ms = 1; ms <= 2000; ++ms)
        taken += taken_of(allowance, 50, start + Milliseconds(ms));
    EXPECT_NEAR(taken, 2000, 1);
}

TEST(Allowance, is_not_saved_for_more_than_a_second) {
    const TimePoint start{std::chrono::hours(5)};
    Allowance allowance(1000);
    EXPECT_TRUE(allowance.take(start));
    EXPECT_EQ(taken_of(allowance, 5000, start + std::chrono::hours(1)), 1000);
}

}  // namespace
}  // namespace shoal::health

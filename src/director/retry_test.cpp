#include "director/retry.h"

#include <gtest/gtest.h>

namespace shoal::director {
namespace {

const TimePoint start{};

TEST(Retry, pauses_grow_to_half_a_minute) {
    Retry retry;
    EXPECT_TRUE(retry.is_due("add", start));
    EXPECT_TRUE(retry.failed("add", Error{"busy"}, start));
    EXPECT_FALSE(retry.is_due("add", start + Milliseconds{199}));
    EXPECT_TRUE(retry.is_due("add", start + Milliseconds{200}));
    EXPECT_FALSE(retry.failed("add", Error{"busy"}, start));
    EXPECT_EQ(retry.next_due(), start + Milliseconds{400});
    for (int i = 0; i < 100; ++i)
        EXPECT_FALSE(retry.failed("add", Error{"busy"}, start));
    EXPECT_EQ(retry.next_due(), start + Milliseconds{30'000});
}

TEST(Retry, begins_afresh_with_the_shortest_pause) {
    Retry retry;
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(retry.failed("add", Error{"busy"}, start), i == 0);
    retry.begin_afresh();
    EXPECT_TRUE(retry.is_due("add", start));
    EXPECT_TRUE(retry.problems().empty());
    EXPECT_TRUE(retry.failed("add", Error{"busy"}, start));
    EXPECT_EQ(retry.next_due(), start + Milliseconds{200});
}

TEST(Retry, shows_what_fails_until_it_works_or_is_no_longer_wanted) {
    Retry retry;
    EXPECT_TRUE(retry.failed("add address 192.0.2.80/24", Error{"no such device"}, start));
    EXPECT_TRUE(retry.failed("attach", Error{"busy"}, start));
    EXPECT_EQ(retry.problems().front(),
              "cannot add address 192.0.2.80/24: no such device (tried 1 times)");
    retry.keep_only({"attach"});
    EXPECT_EQ(retry.problems().size(), 1U);
    retry.succeeded("attach");
    EXPECT_TRUE(retry.problems().empty());
    EXPECT_EQ(retry.next_due(), std::nullopt);
}

}  // namespace
}  // namespace shoal::director

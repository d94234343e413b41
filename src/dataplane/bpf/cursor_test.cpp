#include "dataplane/bpf/cursor.h"

#include <gtest/gtest.h>

namespace shoal::dataplane {
namespace {

Pool pool_of(__u32 scheduler, std::vector<PoolMember> members) {
    return {.scheduler = scheduler, .members = std::move(members)};
}

std::uint32_t rr_after(std::uint32_t last, std::vector<PoolMember> before,
                       std::vector<PoolMember> after) {
    const shoal_cursor cursor{.last = last, .current_weight = 0, .zero = 0};
    return cursor_after_change(cursor, pool_of(SHOAL_SCHEDULER_RR, std::move(before)),
                               pool_of(SHOAL_SCHEDULER_RR, std::move(after)))
        .last;
}

TEST(Cursor, of_rr_stays_with_its_server) {
    EXPECT_EQ(rr_after(8, {{7}, {8}}, {{9}, {7}, {8}}), 8U);
    EXPECT_EQ(rr_after(0, {{7}, {8}}, {{9}, {7}, {8}}), 0U);
}

TEST(Cursor, of_rr_steps_back_from_a_removed_server) {
    EXPECT_EQ(rr_after(9, {{7}, {8}, {9}}, {{7}, {9}}), 8U);
    EXPECT_EQ(rr_after(10, {{7}, {8}, {9}}, {{7}}), 8U);
    EXPECT_EQ(rr_after(8, {{7}, {8}, {9}}, {{8}, {9}}), 0U);
    EXPECT_EQ(rr_after(50, {{7}}, {{8}}), 0U) << "a server that the pool never had";
}

shoal_cursor wrr_after(std::uint16_t weight, std::vector<PoolMember> after) {
    const shoal_cursor cursor{.last = 8, .current_weight = weight, .zero = 0};
    return cursor_after_change(cursor, pool_of(SHOAL_SCHEDULER_WRR, {{7}}),
                               pool_of(SHOAL_SCHEDULER_WRR, std::move(after)));
}

TEST(Cursor, of_wrr_starts_at_the_head_with_a_weight_of_the_new_steps) {
    EXPECT_EQ(wrr_after(3, {{7, 4}}).last, 0U);
    EXPECT_EQ(wrr_after(0, {{7, 4}, {8, 3}}).current_weight, 4);
    EXPECT_EQ(wrr_after(9, {{7, 4}, {8, 3}}).current_weight, 4);
    EXPECT_EQ(wrr_after(3, {{7, 4}, {8, 3}}).current_weight, 3);
    EXPECT_EQ(wrr_after(6, {{7, 12}, {8, 4}}).current_weight, 5);
    EXPECT_EQ(wrr_after(6, {{7, 0}}).current_weight, 0);
}

TEST(Cursor, starts_at_the_head_under_a_new_scheduler) {
    const shoal_cursor cursor{.last = 8, .current_weight = 5, .zero = 0};
    EXPECT_EQ(cursor_after_change(cursor, pool_of(SHOAL_SCHEDULER_RR, {{7}}),
                                  pool_of(SHOAL_SCHEDULER_WRR, {{7}}))
                  .word,
              0U);
}

}  // namespace
}  // namespace shoal::dataplane

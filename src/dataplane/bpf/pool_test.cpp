#include "dataplane/bpf/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;
using List = std::vector<shoal_pool_member>;

shoal_pool first(const List& list) {
    return make_pool(list, shoal_pool{}, Cursor::carried);
}

std::vector<int> carry(const shoal_pool& pool, std::size_t old_count) {
    return {&pool.carry[0], &pool.carry[old_count + 1]};
}

TEST(Pool, counts_generations_and_weights) {
    const shoal_pool old = first({{7, 6}, {8, 0}, {9, 4}});
    EXPECT_EQ(old.count, 3U);
    EXPECT_EQ(old.generation, 1U);
    EXPECT_EQ(old.max_weight, 6U);
    EXPECT_EQ(old.weight_gcd, 2U);
    EXPECT_EQ(make_pool(members(old), old, Cursor::carried).generation, 2U);
}

TEST(Pool, without_a_usable_server_has_divisor_one) {
    EXPECT_EQ(first({}).weight_gcd, 1U);
    EXPECT_EQ(first({{7, 0}}).weight_gcd, 1U);
    EXPECT_EQ(first({{7, 0}}).max_weight, 0U);
}

TEST(Pool, a_new_head_leaves_the_cursor_on_its_server) {
    const shoal_pool old = first({{7, 1}, {8, 1}});
    const List grown{{9, 1}, {7, 1}, {8, 1}};
    EXPECT_THAT(carry(make_pool(grown, old, Cursor::carried), 2), ElementsAre(0, 2, 3));
}

TEST(Pool, the_cursor_of_a_removed_server_steps_back) {
    const shoal_pool old = first({{7, 1}, {8, 1}, {9, 1}});
    const List without_middle{{7, 1}, {9, 1}};
    EXPECT_THAT(carry(make_pool(without_middle, old, Cursor::carried), 3), ElementsAre(0, 1, 1, 2));
    const List without_first{{8, 1}, {9, 1}};
    EXPECT_THAT(carry(make_pool(without_first, old, Cursor::carried), 3), ElementsAre(0, 0, 1, 2));
}

TEST(Pool, a_new_scheduler_starts_at_the_head) {
    const shoal_pool old = first({{7, 1}, {8, 1}});
    EXPECT_THAT(carry(make_pool(members(old), old, Cursor::restarted), 2), ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace shoal::dataplane

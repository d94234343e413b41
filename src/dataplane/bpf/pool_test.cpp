#include "dataplane/bpf/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "score.h"

namespace shoal::dataplane {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;

Pool of_size(std::uint32_t count) {
    Pool pool{.generation = 7, .scheduler = SHOAL_SCHEDULER_WLC};
    for (std::uint32_t i = 0; i < count; ++i)
        pool.members.push_back({1000 + i, i % 5});
    return pool;
}

std::vector<MemberState> states_of(const Pool& pool) {
    std::vector<MemberState> states(pool.members.size());
    for (std::size_t i = 0; i < states.size(); ++i)
        states[i].load.load = (i * 7919 % 1009 + 1) * SHOAL_LOAD_ACTIVE_ONE;
    return states;
}

__u64 least(const shoal_pool_node& node) {
    return std::ranges::min(node.score);
}

TEST(Score, leaves_out_the_baseline_but_never_falls_below_nothing) {
    constexpr auto counts = [](__s64 active, __s64 inactive) {
        return static_cast<__u64>(active) * SHOAL_LOAD_ACTIVE_ONE + static_cast<__u64>(inactive);
    };
    const __u64 load = counts(5, 7);
    EXPECT_EQ(shoal_load_above(load | SHOAL_LOAD_OVERLOADED, 0), load);
    EXPECT_EQ(shoal_load_above(load, counts(2, 3)), counts(3, 4));
    EXPECT_EQ(shoal_load_above(load, counts(9, 9)), 0U);
    EXPECT_EQ(shoal_load_above(load, counts(2, -1)), counts(3, 7));
    EXPECT_EQ(shoal_load_above(load, counts(-1, 3)), counts(5, 4));
    EXPECT_EQ(shoal_load_above(load, counts(-1, -1)), load);
}

TEST(Score, thresholds_overload_and_relieve_a_server) {
    constexpr __u64 over = SHOAL_LOAD_OVERLOADED;
    constexpr __u64 nine = 4 * SHOAL_LOAD_ACTIVE_ONE + 5;
    EXPECT_EQ(shoal_with_threshold(nine, 9, 0), over | nine);
    EXPECT_EQ(shoal_with_threshold(nine, 10, 0), nine);
    EXPECT_EQ(shoal_with_threshold(over | nine, 10, 9), over | nine);
    EXPECT_EQ(shoal_with_threshold(over | nine, 10, 10), nine);
    EXPECT_EQ(shoal_with_threshold(over | nine, 12, 0), over | nine) << "three quarters of 12";
    EXPECT_EQ(shoal_with_threshold(over | nine, 13, 0), nine) << "9 are below 9.75";
    EXPECT_EQ(shoal_with_threshold(over, 1, 0), 0U) << "none are below 0.75";
    EXPECT_EQ(shoal_with_threshold(over | 1, 2, 0), 1U) << "1 is below 1.5";
    EXPECT_EQ(shoal_with_threshold(over | nine, 0, 4), nine);
}

TEST(Pool, counts_weights_and_names_the_scheduler) {
    const Pool pool{.generation = 3,
                    .scheduler = SHOAL_SCHEDULER_MH,
                    .flags = SHOAL_SERVICE_HASH_PORT,
                    .members = {{7, 6}, {8, 0}, {9, 4}}};
    const auto nodes = build_nodes(pool, std::vector<MemberState>(3));
    const shoal_pool_header& header = nodes[0].header;
    EXPECT_EQ(header.count, 3U);
    EXPECT_EQ(header.generation, 3U);
    EXPECT_EQ(header.scheduler, static_cast<__u32>(SHOAL_SCHEDULER_MH));
    EXPECT_EQ(header.flags, static_cast<__u32>(SHOAL_SERVICE_HASH_PORT));
    EXPECT_EQ(header.max_weight, 6U);
    EXPECT_EQ(header.weight_gcd, 2U);
}

TEST(Pool, without_a_usable_server_has_divisor_one_and_no_score) {
    for (const Pool& pool : {Pool{}, Pool{.members = {{7, 0}}}}) {
        const auto nodes = build_nodes(pool, std::vector<MemberState>(pool.members.size()));
        EXPECT_EQ(nodes[0].header.weight_gcd, 1U);
        EXPECT_EQ(nodes[0].header.max_weight, 0U);
        ASSERT_EQ(nodes.size(), 2U);
        EXPECT_THAT(nodes[1].score, Each(SHOAL_SCORE_NONE));
    }
}

TEST(Pool, reads_back_what_was_built) {
    for (const std::uint32_t count : {0U, 1U, 16U, 17U, 4096U}) {
        const Pool pool = of_size(count);
        const Pool read = read_pool(build_nodes(pool, states_of(pool)));
        EXPECT_EQ(read.generation, pool.generation);
        EXPECT_EQ(read.scheduler, pool.scheduler);
        EXPECT_THAT(read.members, ElementsAreArray(pool.members));
    }
    EXPECT_TRUE(read_pool({}).members.empty());
}

struct Shape {
    std::uint32_t members, leaves, middles, root, depth;
};

class PoolShape : public ::testing::TestWithParam<Shape> {};

TEST_P(PoolShape, is_a_tree_of_least_scores) {
    const Shape& shape = GetParam();
    const Pool pool = of_size(shape.members);
    const auto states = states_of(pool);
    const auto nodes = build_nodes(pool, states);
    const shoal_pool_header& header = nodes[0].header;
    EXPECT_EQ(header.leaves, shape.leaves);
    EXPECT_EQ(header.middles, shape.middles);
    EXPECT_EQ(header.root, shape.root);
    EXPECT_EQ(header.depth, shape.depth);
    __u64 best = SHOAL_SCORE_NONE;
    for (std::uint32_t i = 0; i < shape.leaves * 16; ++i) {
        const auto& leaf = nodes[1 + i / 16];
        const bool used = i < shape.members;
        const __u64 expected =
            used ? shoal_score(pool.scheduler, states[i].load.load, 0, pool.members[i].weight)
                 : SHOAL_SCORE_NONE;
        ASSERT_EQ(leaf.score[i % 16], expected);
        ASSERT_EQ(leaf.server[i % 16], used ? pool.members[i].server : SHOAL_NO_SERVER);
        best = std::min(best, expected);
    }
    for (std::uint32_t leaf = 0; leaf < shape.leaves && shape.depth > 1; ++leaf)
        ASSERT_EQ(nodes[1 + shape.leaves + leaf / 16].score[leaf % 16], least(nodes[1 + leaf]));
    EXPECT_EQ(least(nodes[shape.root]), best);
}

INSTANTIATE_TEST_SUITE_P(Sizes, PoolShape,
                         ::testing::Values(Shape{0, 1, 0, 1, 1}, Shape{1, 1, 0, 1, 1},
                                           Shape{16, 1, 0, 1, 1}, Shape{17, 2, 1, 3, 2},
                                           Shape{256, 16, 1, 17, 2}, Shape{257, 17, 2, 20, 3},
                                           Shape{4096, 256, 16, 273, 3}),
                         [](const auto& tested) {
                             return "of_" + std::to_string(tested.param.members);
                         });

}  // namespace
}  // namespace shoal::dataplane

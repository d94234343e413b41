#include "dataplane/bpf/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "ring_hash.h"

namespace shoal::dataplane {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;

std::vector<std::uint16_t> ring_of(__u32 scheduler, std::vector<std::uint32_t> weights,
                                   std::uint32_t size = SHOAL_MH_DEFAULT_SIZE) {
    Pool pool{.scheduler = scheduler, .mh_size = size};
    std::vector<MemberState> states;
    for (const std::uint32_t weight : weights) {
        MemberState state;
        state.address = 0x0a000001 + static_cast<std::uint32_t>(states.size());
        state.port = 80;
        state.load.last_weight = weight;
        states.push_back(state);
        pool.members.push_back({static_cast<std::uint32_t>(states.size()), weight});
    }
    return fill_ring(pool, states);
}

/// How often each place stands in the ring.
std::map<std::uint16_t, int> shares(const std::vector<std::uint16_t>& ring) {
    std::map<std::uint16_t, int> counts;
    for (const std::uint16_t place : ring)
        ++counts[place];
    return counts;
}

TEST(Ring, is_only_for_schedulers_that_hash) {
    EXPECT_THAT(ring_of(SHOAL_SCHEDULER_WLC, {1, 1}), IsEmpty());
}

TEST(Ring, without_members_is_empty) {
    EXPECT_THAT(ring_of(SHOAL_SCHEDULER_DH, {}), Each(SHOAL_RING_EMPTY));
    EXPECT_THAT(ring_of(SHOAL_SCHEDULER_SH, {}), Each(SHOAL_RING_EMPTY));
    EXPECT_THAT(ring_of(SHOAL_SCHEDULER_MH, {}), Each(SHOAL_RING_EMPTY));
    EXPECT_THAT(ring_of(SHOAL_SCHEDULER_MH, {0, 0}), Each(SHOAL_RING_EMPTY));
}

TEST(Ring, of_dh_takes_each_in_turn_whatever_it_weighs) {
    const auto ring = ring_of(SHOAL_SCHEDULER_DH, {5, 0, 1});
    ASSERT_EQ(ring.size(), 256U);
    for (std::size_t slot = 0; slot < ring.size(); ++slot)
        ASSERT_EQ(ring[slot], slot % 3);
}

TEST(Ring, of_sh_gives_slots_in_a_row_by_weight_and_one_for_none) {
    const auto ring = ring_of(SHOAL_SCHEDULER_SH, {3, 0, 1});
    ASSERT_EQ(ring.size(), 256U);
    const std::uint16_t period[] = {0, 0, 0, 1, 2};
    for (std::size_t slot = 0; slot < ring.size(); ++slot)
        ASSERT_EQ(ring[slot], period[slot % 5]);
}

TEST(Ring, of_mh_is_full_and_even) {
    const auto counts = shares(ring_of(SHOAL_SCHEDULER_MH, {1, 1, 1}));
    ASSERT_EQ(counts.size(), 3U);
    for (const auto& [place, count] : counts)
        EXPECT_NEAR(count, 4093 / 3.0, 1.0);
}

TEST(Ring, of_mh_follows_the_weights_after_their_common_divisor) {
    auto counts = shares(ring_of(SHOAL_SCHEDULER_MH, {30, 0, 10}));
    ASSERT_EQ(counts.size(), 2U);
    EXPECT_NEAR(counts[0], 4093 * 0.75, 3.0);
    EXPECT_EQ(ring_of(SHOAL_SCHEDULER_MH, {30, 0, 10}), ring_of(SHOAL_SCHEDULER_MH, {3, 0, 1}));
}

TEST(Ring, of_mh_keeps_six_bits_of_large_weights) {
    // 1000 takes ten bits; four are dropped, and the light one keeps a turn all the same.
    auto counts = shares(ring_of(SHOAL_SCHEDULER_MH, {1000, 1}));
    EXPECT_NEAR(counts[0], 4093.0 * 62 / 63, 62.0);
    EXPECT_NEAR(counts[1], 4093.0 / 63, 1.0);
}

TEST(Ring, of_mh_moves_few_when_one_joins) {
    const auto before = ring_of(SHOAL_SCHEDULER_MH, std::vector<std::uint32_t>(10, 1));
    const auto after = ring_of(SHOAL_SCHEDULER_MH, std::vector<std::uint32_t>(11, 1));
    int moved = 0;
    for (std::size_t slot = 0; slot < before.size(); ++slot)
        moved += before[slot] != after[slot] ? 1 : 0;
    EXPECT_LT(moved, 4093 / 5);
}

TEST(Ring, of_mh_has_every_size_of_ipvs) {
    for (const std::uint32_t size : {251U, 8191U, 131071U})
        EXPECT_EQ(shares(ring_of(SHOAL_SCHEDULER_MH, {1, 2}, size)).size(), 2U) << size;
}

TEST(RingHash, of_dh_and_sh_is_the_kernels) {
    EXPECT_EQ(shoal_hash_slot(0), 0U);
    EXPECT_EQ(shoal_hash_slot(1), 0x61U);
    EXPECT_EQ(shoal_hash_slot(2), 0xc3U);
    EXPECT_EQ(shoal_hash_slot(3), 0x25U);
}

std::vector<std::uint16_t> stateless_ring(const std::vector<std::uint32_t>& weights) {
    Pool pool{.scheduler = SHOAL_SCHEDULER_WLC};
    std::vector<MemberState> states;
    for (const std::uint32_t weight : weights) {
        MemberState state;
        state.address = 0x0a000001 + static_cast<std::uint32_t>(states.size());
        states.push_back(state);
        pool.members.push_back({static_cast<std::uint32_t>(states.size()), weight});
    }
    return fill_stateless_ring(pool, states);
}

TEST(Ring, of_stateless_service_follows_the_weights_and_grows_with_the_pool) {
    const auto ring = stateless_ring({1, 3, 0});
    ASSERT_EQ(ring.size(), 251U);
    const auto counts = shares(ring);
    EXPECT_NEAR(counts.at(0), 63, 2);
    EXPECT_NEAR(counts.at(1), 188, 2);
    EXPECT_FALSE(counts.contains(2));
    EXPECT_GE(stateless_ring(std::vector<std::uint32_t>(1000, 1)).size(), 32'000U);
    EXPECT_EQ(stateless_ring(std::vector<std::uint32_t>(4096, 1)).size(), SHOAL_MH_MAX_SIZE);
    EXPECT_THAT(stateless_ring({0, 0}), IsEmpty());
    EXPECT_THAT(stateless_ring({}), IsEmpty());
}

TEST(Ring, of_stateless_service_moves_few_clients_when_a_server_leaves) {
    const auto before = stateless_ring({1, 1, 1, 1, 1}), after = stateless_ring({1, 1, 0, 1, 1});
    ASSERT_EQ(before.size(), after.size());
    std::size_t moved = 0, lost = 0;
    for (std::size_t slot = 0; slot < before.size(); ++slot) {
        if (before[slot] == 2) ++lost;
        if (before[slot] != after[slot]) ++moved;
    }
    EXPECT_LT(moved, lost * 2);
}

}  // namespace
}  // namespace shoal::dataplane

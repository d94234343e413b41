#include "config/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
// rapidcheck/gtest.h needs gtest.h before it.
#include <rapidcheck/gtest.h>

#include "model/choices.h"

namespace shoal::config {
namespace {

using model::Scheduler;
using ::testing::DoubleEq;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

ServerEndpoint endpoint(int number) {
    return {net::Address::parse("10.11.12." + std::to_string(number)).value(), 80};
}

/// The real servers 1, 2, ... with these weights.
Pool pool(Scheduler scheduler, const std::vector<std::uint32_t>& weights) {
    Pool pool{.scheduler = scheduler};
    pool.destination = net::Address::parse("192.0.2.80").value();
    for (const auto weight : weights)
        pool.members.push_back(
            {endpoint(static_cast<int>(pool.members.size()) + 1), weight, weight});
    return pool;
}

TEST(Shares, of_weighted_schedulers_follow_the_weights) {
    using enum Scheduler;
    for (const auto scheduler : {wrr, wlc, sed, nq, twos}) {
        EXPECT_THAT(shares(pool(scheduler, {3, 0, 1}))->members,
                    ElementsAre(DoubleEq(0.75), DoubleEq(0), DoubleEq(0.25)))
            << model::name_of(scheduler);
    }
}

TEST(Shares, of_rr_and_lc_ask_only_whether_there_is_a_weight) {
    for (const auto scheduler : {Scheduler::rr, Scheduler::lc})
        EXPECT_THAT(shares(pool(scheduler, {3, 0, 1}))->members, ElementsAre(0.5, 0, 0.5));
}

TEST(Shares, of_fo_are_all_of_the_first_of_the_highest_weight) {
    EXPECT_THAT(shares(pool(Scheduler::fo, {1, 3, 3}))->members, ElementsAre(0, 1, 0));
}

TEST(Shares, of_sh_are_its_slots_and_a_drained_server_refuses_its_own) {
    // A period of 3 + 1 slots in 256, and one slot for a weight of 0.
    EXPECT_THAT(shares(pool(Scheduler::sh, {3, 1}))->members, ElementsAre(0.75, 0.25));
    const auto drained = shares(pool(Scheduler::sh, {3, 0}));
    EXPECT_THAT(drained->members, ElementsAre(0.75, 0));
    EXPECT_EQ(drained->nobody, 0.25);
    auto falling_back = pool(Scheduler::sh, {3, 0});
    falling_back.hash_fallback = true;
    EXPECT_THAT(shares(falling_back)->members, ElementsAre(1, 0));
}

TEST(Shares, of_mh_are_near_the_weights_and_a_drained_server_keeps_its_slots) {
    auto three = pool(Scheduler::mh, {1, 2, 1});
    EXPECT_THAT(shares(three)->members,
                ElementsAre(DoubleNear(0.25, 0.01), DoubleNear(0.5, 0.01), DoubleNear(0.25, 0.01)));
    three.members[1].weight = 0;
    EXPECT_NEAR(shares(three)->nobody, 0.5, 0.01);
    three.hash_fallback = true;
    EXPECT_THAT(shares(three)->members,
                ElementsAre(DoubleNear(0.5, 0.03), DoubleEq(0), DoubleNear(0.5, 0.03)));
}

TEST(Shares, of_dh_are_all_of_one_server_where_there_is_one_destination) {
    auto three = pool(Scheduler::dh, {1, 1, 1});
    const auto known = shares(three).value();
    EXPECT_THAT(known.members, ::testing::UnorderedElementsAre(0, 0, 1));
    three.destination.reset();
    EXPECT_FALSE(shares(three));
}

TEST(Shares, are_not_known_where_the_load_or_the_destinations_decide) {
    using enum Scheduler;
    for (const auto scheduler : {ovf, lblc, lblcr}) {
        EXPECT_FALSE(shares(pool(scheduler, {1, 1}))) << model::name_of(scheduler);
        EXPECT_THAT(shares(pool(scheduler, {0, 1}))->members, ElementsAre(0, 1));
        EXPECT_EQ(shares(pool(scheduler, {0}))->nobody, 1);
    }
}

TEST(Moved, is_what_others_get_more) {
    EXPECT_NEAR(*moved(pool(Scheduler::wrr, {1, 1}), pool(Scheduler::wrr, {1, 3})), 0.25, 1e-9);
    EXPECT_NEAR(*moved(pool(Scheduler::wlc, {1, 1, 0}), pool(Scheduler::wlc, {1, 1, 1})), 1.0 / 3,
                1e-9);
    EXPECT_EQ(moved(pool(Scheduler::rr, {1, 1}), pool(Scheduler::rr, {1, 3})), 0);
}

TEST(Moved, compares_real_servers_not_places) {
    auto before = pool(Scheduler::wrr, {1, 2});
    auto after = before;
    std::ranges::reverse(after.members);
    EXPECT_EQ(moved(before, after), 0);
    after.members.erase(after.members.begin());
    EXPECT_NEAR(*moved(before, after), 2.0 / 3, 1e-9);
}

TEST(Moved, of_clients_counts_slots_that_change_hands) {
    // The shares change by an eighth, but nearly every period of sh begins elsewhere.
    const auto sh = moved(pool(Scheduler::sh, {1, 1, 1}), pool(Scheduler::sh, {1, 1, 2}));
    EXPECT_GT(*sh, 0.5);
    const auto mh = moved(pool(Scheduler::mh, {1, 1, 1}), pool(Scheduler::mh, {1, 1, 2}));
    EXPECT_GT(*mh, 1.0 / 6 - 0.01);
    EXPECT_LT(*mh, 0.35);
}

TEST(Moved, of_clients_that_are_hashed_otherwise_leaves_only_chance) {
    const auto by_address = pool(Scheduler::sh, {1, 1, 1, 1});
    auto by_port = by_address;
    by_port.hash_port = true;
    EXPECT_NEAR(*moved(by_address, by_port), 0.75, 1e-9);
    EXPECT_NEAR(*moved(by_address, pool(Scheduler::mh, {1, 1, 1, 1})), 0.75, 0.01);
}

TEST(Moved, is_everything_where_nobody_is_left) {
    for (const auto scheduler : {Scheduler::wrr, Scheduler::sh, Scheduler::mh, Scheduler::fo})
        EXPECT_NEAR(*moved(pool(scheduler, {1, 1}), pool(scheduler, {})), 1, 1e-9);
}

Pool any_pool() {
    std::vector<Scheduler> all;
    for (const auto& choice : model::Choices<Scheduler>::all)
        all.push_back(choice.value);
    const auto weights =
        *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(0, 300));
    auto any = pool(
        *rc::gen::elementOf(all),
        {weights.begin(), weights.begin() + std::min<std::ptrdiff_t>(std::ssize(weights), 250)});
    any.hash_fallback = *rc::gen::arbitrary<bool>();
    any.mh_table_size = 251;
    return any;
}

RC_GTEST_PROP(Shares, add_up_to_one_and_nothing_moves_without_a_change, ()) {
    const auto any = any_pool();
    const auto known = shares(any);
    RC_PRE(known.has_value());
    const auto sum = std::accumulate(known->members.begin(), known->members.end(), known->nobody);
    RC_ASSERT(std::abs(sum - 1) < 1e-9);
    RC_ASSERT(std::abs(*moved(any, any)) < 1e-9);
}

RC_GTEST_PROP(Moved, is_at_least_half_of_what_the_shares_change_by, ()) {
    const auto before = any_pool();
    auto after = before;
    for (auto& member : after.members) {
        if (*rc::gen::arbitrary<bool>()) member.weight = member.last_weight = 7;
    }
    const auto part = moved(before, after);
    RC_PRE(part.has_value());
    double change = std::abs(shares(before)->nobody - shares(after)->nobody);
    for (std::size_t place = 0; place < before.members.size(); ++place)
        change += std::abs(shares(before)->members[place] - shares(after)->members[place]);
    RC_ASSERT(*part <= 1);
    RC_ASSERT(*part >= change / 2 - 1e-9);
}

}  // namespace
}  // namespace shoal::config

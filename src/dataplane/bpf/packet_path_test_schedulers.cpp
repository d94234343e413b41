#include "dataplane/bpf/packet_path_test_schedulers.h"

#include <algorithm>
#include <numeric>
#include <random>

// Who gets a new connection, compared with models written from the description of IPVS alone.

namespace shoal::dataplane::testing {
namespace {

TEST_F(Schedulers, rr_goes_round) {
    serve(SHOAL_SCHEDULER_RR, {1, 5, 1});
    EXPECT_EQ(sequence(7), "ABCABCA");
}

TEST_F(Schedulers, rr_leaves_out_weight_0) {
    serve(SHOAL_SCHEDULER_RR, {0, 1, 0, 1});
    EXPECT_EQ(sequence(4), "BDBD");
    edit({{0, 0}, {1, 0}, {2, 0}, {3, 0}});
    EXPECT_EQ(sequence(2), "--");
}

TEST_F(Schedulers, rr_keeps_its_place_when_the_list_changes) {
    serve(SHOAL_SCHEDULER_RR, {1, 1, 1});
    EXPECT_EQ(sequence(2), "AB");
    const auto added = add_server();
    ASSERT_EQ(added, 3U);
    edit({{3}, {0}, {1}, {2}});  // D at the head
    EXPECT_EQ(sequence(3), "CDA");
    edit({{3}, {1}, {2}});  // A, the last chosen, is gone: back to D
    EXPECT_EQ(sequence(2), "BC");
    edit({{3}, {1}});
    EXPECT_EQ(sequence(3), "DBD");
}

TEST_F(Schedulers, wrr_walks_as_ipvs_does) {
    serve(SHOAL_SCHEDULER_WRR, {4, 3, 2});
    EXPECT_EQ(sequence(18), "AABABCABCAABABCABC");
}

TEST_F(Schedulers, wrr_steps_by_the_common_divisor) {
    serve(SHOAL_SCHEDULER_WRR, {4, 2});
    EXPECT_EQ(sequence(6), "AABAAB");
}

TEST_F(Schedulers, wrr_leaves_out_weight_0) {
    serve(SHOAL_SCHEDULER_WRR, {0, 2, 1});
    EXPECT_EQ(sequence(6), "BBCBBC");
    edit({{0, 0}, {1, 0}, {2, 0}});
    EXPECT_EQ(sequence(1), "-");
}

// IPVS's wrr, from its description.
class WrrModel {
  public:
    void edit(const std::vector<Member>& members) {
        members_ = members;
        long divisor = 0, heaviest = 0;
        for (const auto& member : members) {
            divisor = std::gcd(divisor, static_cast<long>(member.weight));
            heaviest = std::max(heaviest, static_cast<long>(member.weight));
        }
        step_ = divisor == 0 ? 1 : divisor;
        top_ = heaviest - (step_ - 1);
        last_ = -1;
        if (weight_ > top_ || weight_ == 0)
            weight_ = top_;
        else if (step_ > 1)
            weight_ = weight_ / step_ * step_ + 1;
    }
    int next() {
        for (;;) {
            for (long i = last_ + 1; i < std::ssize(members_); ++i) {
                if (members_[static_cast<std::size_t>(i)].weight < weight_) continue;
                last_ = i;
                return static_cast<int>(members_[static_cast<std::size_t>(i)].server);
            }
            last_ = -1;
            weight_ -= step_;
            if (weight_ <= 0) weight_ = top_;
        }
    }

  private:
    std::vector<Member> members_;
    long last_ = -1, weight_ = 0, top_ = 0, step_ = 1;
};

TEST_F(Schedulers, wrr_agrees_with_the_model_through_random_edits) {
    std::mt19937 random(7);
    serve(SHOAL_SCHEDULER_WRR, std::vector<std::uint32_t>(20, 1));
    WrrModel model;
    std::vector<Member> all;
    for (std::uint32_t server = 0; server < 20; ++server)
        all.push_back({server, 1});
    model.edit(all);
    for (int round = 0; round < 60; ++round) {
        std::vector<Member> members(all.begin(), all.begin() + 1 + random() % 20);
        std::ranges::shuffle(members, random);
        const std::uint32_t unit = 1 + random() % 4;
        for (auto& member : members)
            member.weight = unit * (random() % 6);
        members[random() % members.size()].weight = unit * (1 + random() % 30);
        edit(members);
        model.edit(members);
        for (int i = 0; i < 40; ++i)
            ASSERT_EQ(next(), model.next()) << "round " << round;
    }
}

TEST_F(Schedulers, wrr_copes_with_a_long_list_and_one_heavy_member) {
    std::vector<std::uint32_t> weights(256, 1);
    weights[100] = 50;
    serve(SHOAL_SCHEDULER_WRR, weights);
    for (int i = 0; i < 49; ++i)
        ASSERT_EQ(next(), 100);
    for (int i = 0; i < 256; ++i)
        ASSERT_EQ(next(), i);
}

TEST_F(Schedulers, lc_takes_the_first_of_the_least_loaded) {
    serve(SHOAL_SCHEDULER_LC, {1, 9, 0, 1});
    EXPECT_EQ(sequence(6), "ABDABD");
    path.load(0) -= SHOAL_LOAD_ACTIVE_ONE - SHOAL_LOAD_INACTIVE_ONE;  // now inactive
    path.refresh(service);
    EXPECT_EQ(sequence(1), "A");
}

TEST_F(Schedulers, wlc_takes_the_first_of_the_least_loaded_by_weight) {
    serve(SHOAL_SCHEDULER_WLC, {1, 2, 0});
    EXPECT_EQ(sequence(6), "ABBABB");
}

}  // namespace
}  // namespace shoal::dataplane::testing

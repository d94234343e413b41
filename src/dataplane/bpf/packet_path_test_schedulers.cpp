#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "dataplane/bpf/testing/packet_path.h"

// Who gets a new connection, compared with models written from the description of IPVS alone.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint vip{"192.0.2.80", 80};

class Schedulers : public ::testing::Test {
  protected:
    PacketPath path{1U << 15};
    std::uint32_t service = 0;
    std::uint32_t opened = 0;

    /// Servers 0, 1, ... in list order.
    void serve(shoal_scheduler scheduler, const std::vector<std::uint32_t>& weights) {
        service = path.add_service("192.0.2.80", 80, scheduler);
        std::vector<Member> members;
        for (std::size_t i = 0; i < weights.size(); ++i)
            members.push_back({path.add_server(service, {"10.0." + std::to_string(i / 250) + "." +
                                                         std::to_string(i % 250 + 1)}),
                               weights[i]});
        path.set_pool(service, members);
    }
    void edit(const std::vector<Member>& members) { path.set_pool(service, members); }

    /// The server of one more connection; -1 if there is none. Alternates between the hooks.
    int next() {
        const std::string address = "198.51." + std::to_string(opened >> 16) + ".1";
        const Endpoint from{address, static_cast<std::uint16_t>(opened++)};
        const auto before = loads();
        const auto hook = opened % 2 ? Hook::tc : Hook::xdp;
        path.run_quietly(hook, PacketBuilder::tcp(from, vip, syn).build());
        for (std::uint32_t server = 0; server < before.size(); ++server)
            if (path.load(server) != before[server]) return static_cast<int>(server);
        return -1;
    }
    std::string sequence(int count) {
        std::string result;
        while (count-- > 0) {
            const int server = next();
            result += server < 0 ? '-' : static_cast<char>('A' + server);
        }
        return result;
    }

  private:
    std::vector<std::uint64_t> loads() {
        std::vector<std::uint64_t> result;
        for (std::uint32_t server = 0; server < 256; ++server)
            result.push_back(path.load(server));
        return result;
    }
};

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
    const auto added = path.add_server(service, {"10.0.0.9"});
    ASSERT_EQ(added, 3U);
    edit({{3}, {0}, {1}, {2}});  // D at the head
    EXPECT_EQ(sequence(3), "CDA");
    edit({{3}, {1}, {2}});  // A, the last chosen, is gone: back to D
    EXPECT_EQ(sequence(2), "BC");
    edit({{3}, {1}});
    EXPECT_EQ(sequence(3), "DBD");
}

TEST_F(Schedulers, the_cursor_is_carried_without_the_control_program_too) {
    serve(SHOAL_SCHEDULER_RR, {1, 1, 1});
    EXPECT_EQ(sequence(2), "AB");
    path.set_pool(service, {{1}, {2}}, false);
    EXPECT_EQ(sequence(3), "CBC");
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
    std::vector<std::uint32_t> weights(SHOAL_MAX_POOL, 1);
    weights[100] = 50;
    serve(SHOAL_SCHEDULER_WRR, weights);
    for (int i = 0; i < 49; ++i)
        ASSERT_EQ(next(), 100);
    for (int i = 0; i < SHOAL_MAX_POOL; ++i)
        ASSERT_EQ(next(), i);
}

TEST_F(Schedulers, lc_takes_the_first_of_the_least_loaded) {
    serve(SHOAL_SCHEDULER_LC, {1, 9, 0, 1});
    EXPECT_EQ(sequence(6), "ABDABD");
    path.load(0) -= SHOAL_LOAD_ACTIVE_ONE - SHOAL_LOAD_INACTIVE_ONE;  // now inactive
    EXPECT_EQ(sequence(1), "A");
}

TEST_F(Schedulers, wlc_takes_the_first_of_the_least_loaded_by_weight) {
    serve(SHOAL_SCHEDULER_WLC, {1, 2, 0});
    EXPECT_EQ(sequence(6), "ABBABB");
}

// Least connection, from its description: strict comparison, the first stays.
int least_of(const std::vector<Member>& members, const std::vector<std::uint64_t>& loads,
             bool weighted) {
    const Member* best = nullptr;
    unsigned __int128 best_overhead = 0;
    for (const auto& member : members) {
        if (member.weight == 0) continue;
        const std::uint64_t load = loads[member.server];
        const unsigned __int128 overhead = (load >> 32) * 256 + (load & 0xffffffff);
        const std::uint64_t weight = weighted ? member.weight : 1;
        const std::uint64_t best_weight = best == nullptr ? 1 : weighted ? best->weight : 1;
        if (best != nullptr && best_overhead * weight <= overhead * best_weight) continue;
        best = &member;
        best_overhead = overhead;
    }
    return best == nullptr ? -1 : static_cast<int>(best->server);
}

class LeastConnection : public Schedulers, public ::testing::WithParamInterface<shoal_scheduler> {};

TEST_P(LeastConnection, agrees_with_the_model_for_random_weights_and_loads) {
    std::mt19937 random(11);
    serve(GetParam(), std::vector<std::uint32_t>(SHOAL_MAX_POOL, 1));
    for (int round = 0; round < 300; ++round) {
        // All sizes up to 20, then some of the larger ones; few distinct loads, so that ties occur.
        const std::uint32_t count = round < 200 ? round / 10 + 1 : 20 + random() % 237;
        std::vector<Member> members;
        std::vector<std::uint64_t> loads(SHOAL_MAX_POOL);
        for (std::uint32_t server = 0; server < count; ++server) {
            members.push_back({server, static_cast<std::uint32_t>(random() % 4)});
            loads[server] = (random() % 3) << 32 | random() % 3;
        }
        std::ranges::shuffle(members, random);
        edit(members);
        for (std::uint32_t server = 0; server < SHOAL_MAX_POOL; ++server)
            path.load(server) = loads[server];
        ASSERT_EQ(next(), least_of(members, loads, GetParam() == SHOAL_SCHEDULER_WLC))
            << "round " << round;
    }
}

TEST_P(LeastConnection, does_not_overflow) {
    serve(GetParam(), {65535, 65534});
    path.load(0) = path.load(1) = std::uint64_t{1} << 56 | 0xffffff;  // 2^24 each
    const std::vector<std::uint64_t> loads{path.load(0), path.load(1)};
    EXPECT_EQ(next(), least_of({{0, 65535}, {1, 65534}}, loads, GetParam() == SHOAL_SCHEDULER_WLC));
}

INSTANTIATE_TEST_SUITE_P(Both, LeastConnection,
                         ::testing::Values(SHOAL_SCHEDULER_LC, SHOAL_SCHEDULER_WLC),
                         [](const auto& tested) {
                             return tested.param == SHOAL_SCHEDULER_LC ? "lc" : "wlc";
                         });

}  // namespace
}  // namespace shoal::dataplane::testing

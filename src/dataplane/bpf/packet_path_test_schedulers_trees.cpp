#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "dataplane/bpf/packet_path_test_schedulers.h"
#include "score.h"

// Schedulers that compare loads, at every size of pool, against models written from the description
// of IPVS: one pass through the list, strict comparisons of products.

namespace shoal::dataplane::testing {
namespace {

struct Candidate {
    std::int64_t active, overhead, weight;
};

/// Whether IPVS takes the second although it has met the first before.
bool beats(shoal_scheduler scheduler, const Candidate& best, const Candidate& other) {
    switch (scheduler) {
        case SHOAL_SCHEDULER_LC:
            return best.overhead > other.overhead;
        case SHOAL_SCHEDULER_WLC:
            return best.overhead * other.weight > other.overhead * best.weight;
        case SHOAL_SCHEDULER_NQ:
            if (best.active == 0 || other.active == 0) return best.active != 0;
            [[fallthrough]];
        case SHOAL_SCHEDULER_SED:
            return (best.active + 1) * other.weight > (other.active + 1) * best.weight;
        default:
            return other.weight > best.weight;
    }
}

int choice_of(shoal_scheduler scheduler, const std::vector<Member>& members,
              const std::vector<__u64>& loads) {
    const Member* best = nullptr;
    Candidate chosen{};
    for (const Member& member : members) {
        const __u64 load = loads[member.server];
        const auto active = static_cast<std::int64_t>(shoal_active(load));
        const Candidate candidate{
            active, active * 256 + static_cast<std::int64_t>(shoal_inactive(load)), member.weight};
        if (member.weight == 0 || (load & SHOAL_LOAD_OVERLOADED) != 0) continue;
        if (scheduler == SHOAL_SCHEDULER_OVF && active > candidate.weight) continue;
        if (best != nullptr && !beats(scheduler, chosen, candidate)) continue;
        best = &member;
        chosen = candidate;
    }
    return best == nullptr ? -1 : static_cast<int>(best->server);
}

__u64 least(const shoal_pool_node& node) {
    return *std::ranges::min_element(node.score);
}

/// Every score agrees with its server's load, every node with those below it.
void expect_right_tree(const PacketPath& path, std::uint32_t service) {
    const auto nodes = path.nodes(service);
    const shoal_pool_header& header = nodes[0].header;
    for (std::uint32_t place = 0; place < header.count; ++place) {
        const auto& leaf = nodes[1 + place / 16];
        const auto& load = path.load_record(leaf.server[place % 16]);
        ASSERT_EQ(leaf.score[place % 16],
                  shoal_score(header.scheduler, load.load, load.baseline, leaf.weight[place % 16]))
            << "place " << place;
    }
    for (std::uint32_t leaf = 0; header.depth > 1 && leaf < header.leaves; ++leaf)
        ASSERT_EQ(nodes[1 + header.leaves + leaf / 16].score[leaf % 16], least(nodes[1 + leaf]));
    for (std::uint32_t middle = 0; header.depth > 2 && middle < header.middles; ++middle)
        ASSERT_EQ(nodes[header.root].score[middle], least(nodes[1 + header.leaves + middle]));
}

class Trees : public Schedulers, public ::testing::WithParamInterface<shoal_scheduler> {
  protected:
    std::mt19937 random{11};

    std::vector<Member> random_members(std::uint32_t count) {
        std::vector<Member> members;
        for (std::uint32_t server = 0; server < count; ++server)
            members.push_back({server, static_cast<std::uint32_t>(random() % 5)});
        std::ranges::shuffle(members, random);
        return members;
    }
    /// Few distinct ones, so that there are ties.
    void set_random_loads() {
        for (std::uint32_t server = 0; server < servers; ++server)
            path.load(server) = (random() % 4) * SHOAL_LOAD_ACTIVE_ONE + random() % 3;
    }
    /// A connection that was opened as number `number` changes its class.
    void close(std::uint32_t number) {
        const std::string address = "198.51." + std::to_string(number >> 16) + ".1";
        const Endpoint from{address, static_cast<std::uint16_t>(1024 + number)};
        path.run_quietly(Hook::xdp, PacketBuilder::tcp(from, vip, fin | ack).build());
    }
};

TEST_P(Trees, pick_as_ipvs_through_changes_of_every_kind) {
    serve(GetParam(), std::vector<std::uint32_t>(SHOAL_MAX_POOL, 1));
    for (const std::uint32_t size : {1U, 3U, 16U, 17U, 255U, 256U, 257U, 1000U, 4096U}) {
        const auto members = random_members(size);
        set_random_loads();
        edit(members);
        for (int step = 0; step < 60; ++step) {
            const auto number = opened;
            const int expected = choice_of(GetParam(), members, loads());
            ASSERT_EQ(next(), expected) << size << " servers, step " << step;
            if (random() % 2) close(number);
        }
        expect_right_tree(path, service);
    }
}

TEST_P(Trees, pick_as_ipvs_after_random_class_changes_at_4096) {
    serve(GetParam(), std::vector<std::uint32_t>(SHOAL_MAX_POOL, 1));
    const auto members = random_members(SHOAL_MAX_POOL);
    edit(members);
    for (int step = 0; step < 2000; ++step)
        next();
    for (std::uint32_t number = 0; number < 2000; ++number)
        if (random() % 3) close(number);
    expect_right_tree(path, service);
    for (int step = 0; step < 20; ++step) {
        const int expected = choice_of(GetParam(), members, loads());
        ASSERT_EQ(next(), expected) << "step " << step;
    }
}

TEST_P(Trees, do_not_overflow) {
    serve(GetParam(), {65535, 65534});
    path.load(0) = path.load(1) = 0x7000 * SHOAL_LOAD_ACTIVE_ONE + 0xffffff;
    path.refresh(service);
    const int expected = choice_of(GetParam(), {{0, 65535}, {1, 65534}}, loads());
    EXPECT_EQ(next(), expected);
}

std::string name_of(const ::testing::TestParamInfo<shoal_scheduler>& tested) {
    switch (tested.param) {
        case SHOAL_SCHEDULER_LC:
            return "lc";
        case SHOAL_SCHEDULER_WLC:
            return "wlc";
        case SHOAL_SCHEDULER_SED:
            return "sed";
        case SHOAL_SCHEDULER_NQ:
            return "nq";
        case SHOAL_SCHEDULER_FO:
            return "fo";
        default:
            return "ovf";
    }
}

INSTANTIATE_TEST_SUITE_P(All, Trees,
                         ::testing::Values(SHOAL_SCHEDULER_LC, SHOAL_SCHEDULER_WLC,
                                           SHOAL_SCHEDULER_SED, SHOAL_SCHEDULER_NQ,
                                           SHOAL_SCHEDULER_FO, SHOAL_SCHEDULER_OVF),
                         name_of);

// ---- Two CPUs -----------------------------------------------------------------------------------

class TwoCpus : public Schedulers, public ::testing::WithParamInterface<std::uint32_t> {};

TEST_P(TwoCpus, leave_a_right_tree) {
    ASSERT_GE(std::thread::hardware_concurrency(), 2U) << "one CPU cannot show a race";
    serve(SHOAL_SCHEDULER_WLC, std::vector<std::uint32_t>(GetParam(), 3));
    constexpr std::uint16_t connections = 10'000;
    std::atomic<unsigned> ready{0};
    const auto churn = [&](unsigned cpu) {
        pin_to_cpu(cpu);
        const std::string address = "198.51.100." + std::to_string(cpu);
        ++ready;
        while (ready < 2) {
        }
        for (std::uint16_t port = 0; port < connections; ++port)
            for (const auto flags : {syn, std::uint8_t(fin | ack), syn})
                path.run_quietly(Hook::xdp,
                                 PacketBuilder::tcp({address, port}, vip, flags).build());
    };
    std::thread other([&] { churn(0); });
    churn(1);
    other.join();
    expect_right_tree(path, service);
    __u64 sum = 0;
    for (const __u64 load : loads())
        sum += shoal_active(load) + shoal_inactive(load);
    EXPECT_EQ(sum, path.live().size());
    EXPECT_GE(path.service_counters(service).connections, 2U * connections);
}

INSTANTIATE_TEST_SUITE_P(Servers, TwoCpus, ::testing::Values(2U, 20U, 300U),
                         [](const auto& tested) { return std::to_string(tested.param); });

// ---- Thresholds and quiescence ------------------------------------------------------------------

class Thresholds : public Schedulers, public ::testing::WithParamInterface<shoal_scheduler> {
  protected:
    /// Ends so many connections, as if they had timed out.
    void end(int count) {
        for (auto& connection : path.connections())
            if (connection.protocol != 0 &&
                (connection.word & SHOAL_WORD_STATE_MASK) < SHOAL_STATES && count-- > 0)
                connection.seen -= 1000 * path.settings().hz;
        path.sweep();
    }
};

TEST_P(Thresholds, keep_a_server_out_until_it_is_below_three_quarters) {
    serve(GetParam(), {1});
    path.load_record(0).upper = 4;
    EXPECT_EQ(sequence(6), "AAAA--");
    end(1);
    EXPECT_EQ(sequence(1), "-") << "three of four are not below three quarters";
    end(1);
    EXPECT_EQ(sequence(3), "AA-");
}

TEST_P(Thresholds, let_a_server_in_again_below_the_lower_one) {
    serve(GetParam(), {1});
    path.load_record(0).upper = 4;
    path.load_record(0).lower = 2;
    EXPECT_EQ(sequence(5), "AAAA-");
    end(2);
    EXPECT_EQ(sequence(1), "-") << "two are not below two";
    end(1);
    EXPECT_EQ(sequence(1), "A");
    EXPECT_EQ(path.active(0), 2U) << "the flag is no connection";
}

INSTANTIATE_TEST_SUITE_P(Both, Thresholds,
                         ::testing::Values(SHOAL_SCHEDULER_RR, SHOAL_SCHEDULER_WLC),
                         [](const auto& tested) {
                             return tested.param == SHOAL_SCHEDULER_RR ? "rr" : "wlc";
                         });

TEST_F(Schedulers, without_quiescence_a_newcomer_is_flooded) {
    serve(SHOAL_SCHEDULER_WLC, {1, 1, 0});
    sequence(40);
    edit({{2}, {0}, {1}});
    EXPECT_EQ(sequence(20), std::string(20, 'C'));
}

TEST_F(Schedulers, with_quiescence_a_newcomer_gets_its_share) {
    serve(SHOAL_SCHEDULER_WLC, {1, 1, 0});
    sequence(40);
    ++path.service(service).load_epoch;
    for (std::uint32_t server = 0; server < 3; ++server)
        path.load_record(server).baseline = path.load(server);
    const auto before = loads();
    edit({{2}, {0}, {1}});
    EXPECT_EQ(loads(), before) << "counts are what they are";
    EXPECT_EQ(sequence(9), "CABCABCAB");
    // Old connections end: neither their server's share nor the newcomer's changes.
    for (auto& connection : path.connections())
        if (connection.load_epoch == 0) connection.seen -= 1000 * path.settings().hz;
    path.sweep();
    EXPECT_EQ(path.load_record(0).baseline, 0U);
    EXPECT_EQ(path.active(0), 3U);
    EXPECT_EQ(sequence(3), "CAB");
}

}  // namespace
}  // namespace shoal::dataplane::testing

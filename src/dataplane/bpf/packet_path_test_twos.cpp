#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>

#include "dataplane/bpf/packet_path_test_schedulers.h"
#include "pick_of_two.skel.h"

// twos with chosen random numbers, compared with a model written from the description of IPVS
// alone.

namespace shoal::dataplane::testing {
namespace {

/// What twos sees of a real server.
struct Candidate {
    std::uint32_t weight = 0;
    std::uint32_t active = 0;
    std::uint32_t inactive = 0;
    bool overloaded = false;

    bool usable() const { return weight > 0 && !overloaded; }
    std::uint64_t overhead() const { return std::uint64_t{active} * 256 + inactive; }
};

std::uint64_t total_weight(const std::vector<Candidate>& list) {
    std::uint64_t total = 0;
    for (const Candidate& candidate : list)
        total += candidate.usable() ? candidate.weight : 0;
    return total;
}

/// The candidate whose weight uses a number of 0 to the total up.
const Candidate* drawn_by(const std::vector<Candidate>& list, std::uint64_t number) {
    auto left = static_cast<std::int64_t>(number);
    for (const Candidate& candidate : list) {
        if (!candidate.usable()) continue;
        left -= candidate.weight;
        if (left <= 0) return &candidate;
    }
    return nullptr;
}

/// The place in the list; -1 where none is usable.
int model_of_twos(const std::vector<Candidate>& list, std::uint64_t first, std::uint64_t second) {
    const Candidate* one = drawn_by(list, first);
    const Candidate* other = drawn_by(list, second);
    if (one == nullptr || other == nullptr) return -1;
    const bool other_wins = one->overhead() * other->weight > other->overhead() * one->weight;
    return static_cast<int>((other_wins ? other : one) - list.data());
}

class Twos : public Schedulers {
  protected:
    Twos() : program_(pick_of_two__open()) {
        if (!program_) throw std::runtime_error("opening the program");
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, program_->obj) {
            if (bpf_map__is_internal(map)) continue;
            if (bpf_map__reuse_fd(map, path.map(bpf_map__name(map))) != 0)
                throw std::runtime_error("sharing a map");
        }
        if (pick_of_two__load(program_.get()) != 0) throw std::runtime_error("loading the program");
    }

    /// Real servers of these weights and loads, in this order.
    void set_candidates(const std::vector<Candidate>& list) {
        std::vector<Member> members;
        for (std::uint32_t server = 0; server < list.size(); ++server) {
            const Candidate& candidate = list[server];
            auto& record = path.load_record(server);
            record.load = candidate.active * SHOAL_LOAD_ACTIVE_ONE + candidate.inactive;
            record.upper = candidate.overloaded ? 1 : 0;
            if (candidate.overloaded) record.load |= SHOAL_LOAD_OVERLOADED;
            members.push_back({server, candidate.weight});
        }
        edit(members);
    }

    int pick(std::uint32_t first, std::uint32_t second) const {
        __sk_buff context{};
        context.mark = service;
        context.cb[0] = first;
        context.cb[1] = second;
        const Bytes packet(64);
        bpf_test_run_opts options{};
        options.sz = sizeof(options);
        options.data_in = packet.data();
        options.data_size_in = static_cast<std::uint32_t>(packet.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof(context);
        const int run = bpf_program__fd(program_->progs.pick_of_two_chosen);
        if (bpf_prog_test_run_opts(run, &options) != 0) throw std::runtime_error("test run");
        return static_cast<int>(options.retval);
    }

    void expect_the_models_pick(const std::vector<Candidate>& list, std::uint32_t first,
                                std::uint32_t second) const {
        const std::uint64_t numbers = total_weight(list) + 1;
        ASSERT_EQ(pick(first, second), model_of_twos(list, first % numbers, second % numbers))
            << first << " and " << second << " of a total of " << numbers - 1;
    }

  private:
    struct Deleter {
        void operator()(pick_of_two* program) const { pick_of_two__destroy(program); }
    };
    std::unique_ptr<pick_of_two, Deleter> program_;
};

using Random = std::independent_bits_engine<std::mt19937, 32, std::uint32_t>;

/// Some of weight 0, some overloaded, some idle; loads and weights of all orders of magnitude.
Candidate random_candidate(Random& random) {
    const auto up_to = [&random](unsigned bits) {
        return static_cast<std::uint32_t>(random() % (1ULL << (1 + random() % bits)));
    };
    Candidate candidate{random() % 4 == 0 ? 0 : std::min(1 + up_to(16), 65535U), up_to(20),
                        up_to(20), random() % 8 == 0};
    if (random() % 4 == 0) candidate.active = candidate.inactive = 0;
    if (candidate.overloaded) ++candidate.active;
    return candidate;
}

TEST_F(Twos, pick_as_the_model_for_every_pair_of_numbers) {
    serve(SHOAL_SCHEDULER_TWOS, std::vector<std::uint32_t>(8, 1));
    // The last two differ by as little as they can: 1 * 3 against 2 * 1.
    const std::vector<Candidate> list{{0, 0, 0}, {3, 2, 0}, {1, 0, 200}, {5, 0, 0, true},
                                      {2, 1, 9}, {4, 3, 0}, {2, 0, 3},   {1, 0, 1}};
    set_candidates(list);
    const auto total = static_cast<std::uint32_t>(total_weight(list));
    ASSERT_EQ(total, 13U);
    for (std::uint32_t first = 0; first <= total; ++first) {
        for (std::uint32_t second = 0; second <= total; ++second)
            ASSERT_NO_FATAL_FAILURE(expect_the_models_pick(list, first, second));
    }
}

TEST_F(Twos, pick_as_the_model_in_random_pools) {
    Random random(2);
    constexpr std::uint32_t most = SHOAL_MAX_LINEAR_POOL;
    serve(SHOAL_SCHEDULER_TWOS, std::vector<std::uint32_t>(most, 1));
    for (int round = 0; round < 200; ++round) {
        std::vector<Candidate> list(1 + random() % (round % 10 == 0 ? most : 20));
        std::ranges::generate(list, [&] { return random_candidate(random); });
        set_candidates(list);
        const auto total = static_cast<std::uint32_t>(total_weight(list));
        for (const std::uint32_t end : {0U, 1U, total, total + 1}) {
            ASSERT_NO_FATAL_FAILURE(expect_the_models_pick(list, end, total - end)) << round;
            ASSERT_NO_FATAL_FAILURE(expect_the_models_pick(list, random(), end)) << round;
        }
        for (int draw = 0; draw < 40; ++draw) {
            ASSERT_NO_FATAL_FAILURE(expect_the_models_pick(list, random(), random())) << round;
        }
    }
}

TEST_F(Twos, pick_none_where_none_is_usable) {
    serve(SHOAL_SCHEDULER_TWOS, {1, 1});
    set_candidates({{0, 0, 0}, {7, 1, 0, true}});
    EXPECT_EQ(pick(0, 0), -1);
    EXPECT_EQ(pick(std::numeric_limits<std::uint32_t>::max(), 1), -1);
}

TEST_F(Twos, pick_rightly_at_the_largest_weights_and_loads) {
    serve(SHOAL_SCHEDULER_TWOS, std::vector<std::uint32_t>(SHOAL_MAX_LINEAR_POOL, 1));
    std::vector<Candidate> list(SHOAL_MAX_LINEAR_POOL, {65535, (1U << 23) - 1, 0});
    list.back().active = 7;
    set_candidates(list);
    const auto total = static_cast<std::uint32_t>(total_weight(list));
    EXPECT_EQ(pick(0, total), static_cast<int>(list.size()) - 1);
    for (const std::uint32_t number : {0U, 65535U, 65536U, total / 2, total - 65535, total})
        ASSERT_NO_FATAL_FAILURE(expect_the_models_pick(list, number, total - number));
}

}  // namespace
}  // namespace shoal::dataplane::testing

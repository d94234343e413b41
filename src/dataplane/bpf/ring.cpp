#include "dataplane/bpf/ring.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "model/configuration.h"
#include "ring_hash.h"

namespace shoal::dataplane {

namespace {

using Ring = std::vector<std::uint16_t>;

/// dh: one slot each, round and round the list. sh: as many slots in a row as the weight says, at
/// least one.
Ring fill_in_turn(const Pool& pool, bool by_weight) {
    Ring ring(SHOAL_HASH_RING_SIZE, SHOAL_RING_EMPTY);
    std::size_t place = 0;
    std::uint32_t given = 0;
    for (std::uint16_t& slot : ring) {
        if (pool.members.empty()) break;
        slot = static_cast<std::uint16_t>(place);
        if (by_weight && ++given < pool.members[place].weight) continue;
        given = 0;
        place = (place + 1) % pool.members.size();
    }
    return ring;
}

/// CONFIG_IP_VS_MH_TAB_INDEX of the first of model::mh_table_sizes; the last one's is 17.
constexpr int first_mh_index = 8;
static_assert(model::mh_table_sizes.back() == SHOAL_MH_MAX_SIZE);

/// The bits that IPVS leaves of a weight, lest the heavy fill the ring alone.
int weight_bits(std::uint32_t size) {
    const auto found = std::ranges::lower_bound(model::mh_table_sizes, size);
    return (static_cast<int>(found - model::mh_table_sizes.begin()) + first_mh_index) / 2;
}

/// A real server's own order of the slots.
struct Permutation {
    std::uint32_t next;
    std::uint32_t stride;
    std::uint32_t turns;  // slots that it takes in a round
};

std::uint32_t turns_of(std::uint32_t weight, std::uint32_t divisor, int shift) {
    const std::uint32_t turns = weight / divisor >> shift;
    return turns != 0 ? turns : weight != 0 ? 1 : 0;
}

std::vector<Permutation> permutations(std::span<const MemberState> states, std::uint32_t size) {
    std::uint32_t divisor = 0;
    std::uint32_t heaviest = 0;
    for (const MemberState& state : states) {
        divisor = std::gcd(divisor, state.load.last_weight);
        heaviest = std::max(heaviest, state.load.last_weight);
    }
    if (divisor == 0) return {};
    const int shift =
        std::max(0, static_cast<int>(std::bit_width(heaviest / divisor)) - weight_bits(size));
    std::vector<Permutation> all;
    for (const MemberState& state : states) {
        const std::uint32_t source = state.address + state.port;
        all.push_back({shoal_mh_hash(SHOAL_MH_FIRST_KEY, source) % size,
                       shoal_mh_hash(SHOAL_MH_SECOND_KEY, source) % (size - 1) + 1,
                       turns_of(state.load.last_weight, divisor, shift)});
    }
    return all;
}

/// Maglev: round by round each takes its next free slots.
Ring fill_maglev(std::span<const MemberState> states, std::uint32_t size) {
    Ring ring(size, SHOAL_RING_EMPTY);
    std::vector<Permutation> all = permutations(states, size);
    for (std::uint32_t filled = 0; !all.empty();) {
        for (std::size_t place = 0; place < all.size(); ++place) {
            Permutation& own = all[place];
            for (std::uint32_t turn = 0; turn < own.turns; ++turn) {
                while (ring[own.next] != SHOAL_RING_EMPTY)
                    own.next = (own.next + own.stride) % size;
                ring[own.next] = static_cast<std::uint16_t>(place);
                if (++filled == size) return ring;
            }
        }
    }
    return ring;
}

/// Their shares are right within a few hundredths then.
constexpr std::uint32_t slots_of_member = 32;

}  // namespace

std::vector<std::uint16_t> fill_stateless_ring(const Pool& pool,
                                               std::span<const MemberState> states) {
    std::vector<MemberState> weighted(states.begin(), states.end());
    std::size_t usable = 0;
    for (std::size_t place = 0; place < weighted.size(); ++place) {
        weighted[place].load.last_weight = pool.members[place].weight;
        if (pool.members[place].weight != 0) ++usable;
    }
    if (usable == 0) return {};
    const auto size = std::ranges::lower_bound(model::mh_table_sizes, usable * slots_of_member);
    return fill_maglev(weighted, size == model::mh_table_sizes.end() ? SHOAL_MH_MAX_SIZE : *size);
}

std::vector<std::uint16_t> fill_ring(const Pool& pool, std::span<const MemberState> states) {
    switch (pool.scheduler) {
        case SHOAL_SCHEDULER_DH:
            return fill_in_turn(pool, false);
        case SHOAL_SCHEDULER_SH:
            return fill_in_turn(pool, true);
        case SHOAL_SCHEDULER_MH:
            return fill_maglev(states,
                               std::clamp<std::uint32_t>(pool.mh_size, 2, SHOAL_MH_MAX_SIZE));
        default:
            return {};
    }
}

}  // namespace shoal::dataplane

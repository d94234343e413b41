#include "model/ring.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "abi.h"
#include "model/configuration.h"
#include "ring_hash.h"

namespace shoal::model {

static_assert(empty_slot == SHOAL_RING_EMPTY);
static_assert(hash_ring_size == SHOAL_HASH_RING_SIZE);

namespace {

Ring fill_in_turn(std::span<const RingMember> members, bool by_weight) {
    Ring ring(hash_ring_size, empty_slot);
    std::size_t place = 0;
    std::uint32_t given = 0;
    for (std::uint16_t& slot : ring) {
        if (members.empty()) break;
        slot = static_cast<std::uint16_t>(place);
        if (by_weight && ++given < members[place].weight) continue;
        given = 0;
        place = (place + 1) % members.size();
    }
    return ring;
}

/// CONFIG_IP_VS_MH_TAB_INDEX of the first of mh_table_sizes; the last one's is 17.
constexpr int first_mh_index = 8;
static_assert(mh_table_sizes.back() == SHOAL_MH_MAX_SIZE);

/// The bits that IPVS leaves of a weight, lest the heavy fill the ring alone.
int weight_bits(std::uint32_t size) {
    const auto found = std::ranges::lower_bound(mh_table_sizes, size);
    return (static_cast<int>(found - mh_table_sizes.begin()) + first_mh_index) / 2;
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

std::vector<Permutation> permutations(std::span<const RingMember> members, std::uint32_t size) {
    std::uint32_t divisor = 0;
    std::uint32_t heaviest = 0;
    for (const RingMember& member : members) {
        divisor = std::gcd(divisor, member.last_weight);
        heaviest = std::max(heaviest, member.last_weight);
    }
    if (divisor == 0) return {};
    const int shift =
        std::max(0, static_cast<int>(std::bit_width(heaviest / divisor)) - weight_bits(size));
    std::vector<Permutation> all;
    for (const RingMember& member : members) {
        const std::uint32_t source = member.address + member.port;
        all.push_back({shoal_mh_hash(SHOAL_MH_FIRST_KEY, source) % size,
                       shoal_mh_hash(SHOAL_MH_SECOND_KEY, source) % (size - 1) + 1,
                       turns_of(member.last_weight, divisor, shift)});
    }
    return all;
}

}  // namespace

Ring fill_dh_ring(std::span<const RingMember> members) {
    return fill_in_turn(members, false);
}

Ring fill_sh_ring(std::span<const RingMember> members) {
    return fill_in_turn(members, true);
}

/// Maglev: round by round each takes its next free slots.
Ring fill_mh_ring(std::span<const RingMember> members, std::uint32_t size) {
    Ring ring(size, empty_slot);
    std::vector<Permutation> all = permutations(members, size);
    for (std::uint32_t filled = 0; !all.empty();) {
        for (std::size_t place = 0; place < all.size(); ++place) {
            Permutation& own = all[place];
            for (std::uint32_t turn = 0; turn < own.turns; ++turn) {
                while (ring[own.next] != empty_slot)
                    own.next = (own.next + own.stride) % size;
                ring[own.next] = static_cast<std::uint16_t>(place);
                if (++filled == size) return ring;
            }
        }
    }
    return ring;
}

}  // namespace shoal::model

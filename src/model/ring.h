#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

// The rings by which dh, sh and mh find a client's real server: the same as IPVS's.

namespace shoal::model {

/// A real server, in list order: the newest first.
struct RingMember {
    std::uint32_t weight = 1;
    /// The last weight that was not 0, or 0 if there was none; only mh asks.
    std::uint32_t last_weight = 1;
    /// In host byte order, of IPv6 the four words of the address by exclusive or; only mh asks.
    std::uint32_t address = 0;
    std::uint16_t port = 0;
};

/// Slots, each a place in the list of members.
using Ring = std::vector<std::uint16_t>;
inline constexpr std::uint16_t empty_slot = std::numeric_limits<std::uint16_t>::max();
/// Slots of dh and sh.
inline constexpr std::size_t hash_ring_size = 256;

/// dh: one slot each, round and round the list.
Ring fill_dh_ring(std::span<const RingMember> members);
/// sh: as many slots in a row as the weight says, at least one.
Ring fill_sh_ring(std::span<const RingMember> members);
/// mh: by last weights. `size` is a prime number. All slots are empty where no member has a last
/// weight.
Ring fill_mh_ring(std::span<const RingMember> members, std::uint32_t size);

}  // namespace shoal::model

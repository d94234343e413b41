#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "abi.h"

namespace shoal::dataplane {

struct PoolMember {
    /// Index into server_table.
    std::uint32_t server = 0;
    /// At most SHOAL_MAX_WEIGHT.
    std::uint32_t weight = 1;
    bool operator==(const PoolMember&) const = default;
};

/// The real servers of a virtual server and how it schedules, as one inner map of `pools` has them.
struct Pool {
    std::uint32_t generation = 0;
    std::uint32_t scheduler = SHOAL_SCHEDULER_WLC;
    /// SHOAL_SERVICE_HASH_PORT, SHOAL_SERVICE_HASH_FALLBACK.
    std::uint32_t flags = 0;
    /// Slots of mh's ring, a prime number.
    std::uint32_t mh_size = SHOAL_MH_DEFAULT_SIZE;
    /// In list order: the newest first. At most SHOAL_MAX_POOL.
    std::vector<PoolMember> members{};
};

/// What is known of a member when its pool is built.
struct MemberState {
    shoal_server_load load{};
    /// In host byte order; only mh asks.
    std::uint32_t address = 0;
    std::uint16_t port = 0;
};

/// The nodes of the inner map, with scores after the given loads. `states` are of the members, in
/// the same order.
std::vector<shoal_pool_node> build_nodes(const Pool& pool, std::span<const MemberState> states);
/// Empty for nodes that are no pool.
Pool read_pool(std::span<const shoal_pool_node> nodes);

}  // namespace shoal::dataplane

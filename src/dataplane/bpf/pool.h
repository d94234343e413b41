#pragma once

#include <span>

#include "abi.h"

namespace shoal::dataplane {

/// What becomes of a cursor (rr, wrr) when a pool is replaced.
enum class Cursor {
    /// It goes on from the same server, by IPVS's rules.
    carried,
    /// It starts at the head, as for a new scheduler.
    restarted,
};

/// The successor of `previous` (all zero for the first pool of a service) with these members, in
/// list order; at most SHOAL_MAX_POOL.
shoal_pool make_pool(std::span<const shoal_pool_member> members, const shoal_pool& previous,
                     Cursor cursor);

std::span<const shoal_pool_member> members(const shoal_pool& pool);

}  // namespace shoal::dataplane

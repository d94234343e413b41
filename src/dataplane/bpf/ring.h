#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/bpf/pool.h"

namespace shoal::dataplane {

/// The slots of dh, sh and mh, each a place in the list or SHOAL_RING_EMPTY, filled as IPVS does.
/// Empty under every other scheduler. `states` are of the members, in the same order.
std::vector<std::uint16_t> fill_ring(const Pool& pool, std::span<const MemberState> states);
/// For the pools of other schedulers: by what packets without a record are spread while the table
/// is full. As mh's, with the weights as they are now; of at least 32 slots a member where that is
/// possible. Empty where no member has a weight.
std::vector<std::uint16_t> fill_stateless_ring(const Pool& pool,
                                               std::span<const MemberState> states);

}  // namespace shoal::dataplane

#include "dataplane/bpf/ring.h"

#include <algorithm>

#include "model/configuration.h"
#include "model/ring.h"

namespace shoal::dataplane {

namespace {

std::vector<model::RingMember> ring_members(const Pool& pool, std::span<const MemberState> states) {
    std::vector<model::RingMember> members;
    for (std::size_t place = 0; place < states.size(); ++place) {
        const auto& state = states[place];
        members.push_back(
            {pool.members[place].weight, state.load.last_weight, state.address, state.port});
    }
    return members;
}

/// Their shares are right within a few hundredths then.
constexpr std::uint32_t slots_of_member = 32;

}  // namespace

std::vector<std::uint16_t> fill_stateless_ring(const Pool& pool,
                                               std::span<const MemberState> states) {
    auto members = ring_members(pool, states);
    std::size_t usable = 0;
    for (auto& member : members) {
        member.last_weight = member.weight;
        if (member.weight != 0) ++usable;
    }
    if (usable == 0) return {};
    const auto size = std::ranges::lower_bound(model::mh_table_sizes, usable * slots_of_member);
    return fill_mh_ring(members, size == model::mh_table_sizes.end() ? SHOAL_MH_MAX_SIZE : *size);
}

std::vector<std::uint16_t> fill_ring(const Pool& pool, std::span<const MemberState> states) {
    switch (pool.scheduler) {
        case SHOAL_SCHEDULER_DH:
            return fill_dh_ring(ring_members(pool, states));
        case SHOAL_SCHEDULER_SH:
            return fill_sh_ring(ring_members(pool, states));
        case SHOAL_SCHEDULER_MH:
            return fill_mh_ring(ring_members(pool, states),
                                std::clamp<std::uint32_t>(pool.mh_size, 2, SHOAL_MH_MAX_SIZE));
        default:
            return {};
    }
}

}  // namespace shoal::dataplane

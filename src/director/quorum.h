#pragma once

#include <cstdint>
#include <span>

#include "director/candidates.h"

namespace shoal::director {

/// Whether enough real servers are usable.
struct Quorum {
    std::uint32_t all = 0;
    std::uint32_t usable = 0;
    /// Once lost it stays so until the hysteresis is there too.
    bool lost = false;
    /// False while it might not be lost, would real servers whose first check has not ended be
    /// up: that is no reason to tell anybody.
    bool certain = true;
    bool operator==(const Quorum&) const = default;
};

/// Of a group's virtual servers together: lost where one of them says so. `before` names those that
/// had lost it.
Quorum quorum_of(const ServiceGroup& group, std::span<const Candidate> candidates,
                 const LostQuorums& before);

/// Those that had lost it when the last shoald looked: their sorry servers serve.
LostQuorums lost_quorums_of(const model::Configuration& configuration,
                            const dataplane::State& state);

}  // namespace shoal::director

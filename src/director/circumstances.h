#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "health/health_view.h"
#include "model/administrative_state.h"

namespace shoal::director {

/// What administrators want of the real servers. A target without an entry is enabled.
using StateView = std::map<health::TargetId, model::AdministrativeState>;

/// Per mille.
inline constexpr std::uint32_t full_weight = 1000;
/// Loads and slow starts, in per mille of a real server's weight. A target without an entry has its
/// full weight.
using WeightFactors = std::map<health::TargetId, std::uint32_t>;

/// Names of virtual servers that have lost their quorum.
using LostQuorums = std::set<std::string>;

inline const health::HealthView no_verdicts;
inline const StateView all_enabled;
inline const WeightFactors full_weights;
inline const LostQuorums no_lost_quorums;

/// What decides beside the configuration about who serves. A view: all of it must outlive it.
struct Circumstances {
    const health::HealthView& health = no_verdicts;
    const StateView& states = all_enabled;
    const WeightFactors& factors = full_weights;
    /// As it was before: a lost quorum is regained later than it was lost.
    const LostQuorums& lost_quorums = no_lost_quorums;
};

}  // namespace shoal::director

#pragma once

#include <map>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"
#include "director/administrative_states.h"
#include "director/quorum.h"
#include "director/rates.h"
#include "health/health_view.h"
#include "health/loads/load_monitor.h"
#include "model/configuration.h"
#include "model/status.h"

namespace shoal::director {

inline const health::LoadView no_loads;

/// What the checks and the administrators say, and what the data plane holds and counts.
struct Findings {
    const health::HealthView& health;
    const dataplane::State& state;
    const dataplane::Statistics& statistics;
    const RateTable& rates;
    const StateEntries& states;
    /// By virtual server.
    const std::map<std::string, Quorum>& quorums;
    const health::LoadView& loads = no_loads;
};

/// The virtual servers as the administrator sees them, each by its own name, in the order of the
/// file.
std::vector<model::VirtualServerStatus> virtual_server_status(
    const model::Configuration& configuration, const Findings& found);

/// Active and inactive ones of a real server, those of all virtual servers of a firewall mark
/// together.
std::uint64_t connections_of(const model::Configuration& configuration,
                             const health::TargetId& target,
                             const dataplane::Statistics& statistics);

std::vector<model::HookStatus> hook_status(const dataplane::State& state);

}  // namespace shoal::director

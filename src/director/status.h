#pragma once

#include <vector>

#include "dataplane/dataplane.h"
#include "director/rates.h"
#include "health/health_view.h"
#include "model/configuration.h"
#include "model/status.h"

namespace shoal::director {

/// What the checks say, and what the data plane holds and counts.
struct Findings {
    const health::HealthView& health;
    const dataplane::State& state;
    const dataplane::Statistics& statistics;
    const RateTable& rates;
};

/// The virtual servers as the administrator sees them, each by its own name, in the order of the
/// file.
std::vector<model::VirtualServerStatus> virtual_server_status(
    const model::Configuration& configuration, const Findings& found);

std::vector<model::HookStatus> hook_status(const dataplane::State& state);

}  // namespace shoal::director

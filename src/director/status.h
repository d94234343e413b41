#pragma once

#include "dataplane/dataplane.h"
#include "health/health_view.h"
#include "model/configuration.h"
#include "model/status.h"

namespace shoal::director {

/// One virtual server as the administrator sees it: the file's settings, the checks' verdicts, and
/// what the data plane holds and counts.
model::VirtualServerStatus virtual_server_status(const model::Configuration& configuration,
                                                 const model::VirtualServer& service,
                                                 const health::HealthView& health,
                                                 const dataplane::State& state,
                                                 const dataplane::Statistics& statistics);

std::vector<model::HookStatus> hook_status(const dataplane::State& state);

}  // namespace shoal::director

#pragma once

#include <set>
#include <vector>

#include "dataplane/dataplane.h"
#include "health/health_monitor.h"
#include "model/configuration.h"

namespace shoal::director {

/// What is checked: the active real servers of each active virtual server. Each virtual server of a
/// firewall mark checks its own; a real server without a port to check is taken for up.
std::vector<health::Target> check_targets(const model::Configuration& configuration);

/// Targets whose real server is in its pool already: it was up when the last shoald looked. One
/// that stands there drained was down.
std::vector<health::TargetId> servers_in_pools(const model::Configuration& configuration,
                                               const dataplane::State& state);

/// All that packets may be sent to, sorry servers included.
std::set<net::Address> server_addresses(const model::Configuration& configuration);

}  // namespace shoal::director

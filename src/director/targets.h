#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "dataplane/dataplane.h"
#include "director/circumstances.h"
#include "director/control.h"
#include "health/health_monitor.h"
#include "model/configuration.h"

namespace shoal::director {

/// What is checked: the active real servers of each active virtual server, without those that an
/// administrator disabled. Each virtual server of a firewall mark checks its own; a real server
/// without a port to check is taken for up.
std::vector<health::Target> check_targets(const model::Configuration& configuration,
                                          const StateView& states);

/// What the targets that are checked at a virtual address need, at these devices.
dataplane::CheckPlaces check_places(const std::vector<health::Target>& targets,
                                    std::set<std::string> devices);

/// Whom the name means; an error in words where that is none, or more than one.
Result<health::TargetId> find_target(const model::Configuration& configuration,
                                     const TargetName& name);

/// Targets whose real server is in its pool already: it was up when the last shoald looked. One
/// that stands there drained was down.
std::vector<health::TargetId> servers_in_pools(const model::Configuration& configuration,
                                               const dataplane::State& state);

/// Whom a signal is about: several where virtual servers share a firewall mark.
using SignalIndex =
    std::map<std::pair<dataplane::ServiceKey, dataplane::ServerKey>, std::vector<health::TargetId>>;
SignalIndex signal_index(const model::Configuration& configuration);

/// All that packets may be sent to, sorry servers included.
std::set<net::Address> server_addresses(const model::Configuration& configuration);

}  // namespace shoal::director

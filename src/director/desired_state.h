#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"
#include "health/health_view.h"
#include "model/configuration.h"
#include "redundancy/floating_addresses.h"

namespace shoal::director {

/// What the kernel should hold.
struct DesiredState {
    /// Servers in the order of the file, as if they were added one by one.
    std::vector<dataplane::Service> services;
    /// By device name.
    std::map<std::string, model::HookChoice> hooks;
    model::ConnectionTimeouts timeouts;
    std::vector<redundancy::FloatingAddress> addresses;
    bool operator==(const DesiredState&) const = default;
};

/// Pure. `server_devices` are the devices through which real servers are reached: NAT's replies
/// come in there.
DesiredState desired_state(const model::Configuration& configuration,
                           const health::HealthView& health,
                           const std::set<std::string>& server_devices);

dataplane::ServiceKey service_key(const model::VirtualServer& service);
dataplane::ServerKey server_key(const model::VirtualServer& service,
                                const model::RealServer& server);

}  // namespace shoal::director

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"
#include "director/circumstances.h"
#include "model/configuration.h"
#include "redundancy/floating_addresses.h"

namespace shoal::director {

/// What becomes of the connections of the real servers that leave a service.
struct Departures {
    /// Of those that the configuration does not use any more.
    model::RemovedConnections removed = model::RemovedConnections::end;
    /// Real servers that failed, whose clients would wait for nothing, or that were disabled.
    std::set<dataplane::ServerKey> ended;
    /// Those that only make room for the sorry server.
    std::set<dataplane::ServerKey> kept;
    /// Its running answers finish.
    std::optional<dataplane::ServerKey> sorry_server;

    model::RemovedConnections connections_of(const dataplane::ServerKey& server) const;
    bool operator==(const Departures&) const = default;
};

/// What the kernel should hold.
struct DesiredState {
    /// Servers in the order of the file, as if they were added one by one.
    std::vector<dataplane::Service> services;
    /// Of each of the services.
    std::map<dataplane::ServiceKey, Departures> departures;
    /// By device name.
    std::map<std::string, model::HookChoice> hooks;
    model::ConnectionTimeouts timeouts;
    bool secure_tcp = false;
    /// Cells of the table of connections.
    std::uint32_t table_size = 1U << 20;
    std::vector<redundancy::FloatingAddress> addresses;
    bool operator==(const DesiredState&) const = default;
};

/// Pure. `server_devices` are the devices through which real servers are reached: NAT's replies
/// come in there.
DesiredState desired_state(const model::Configuration& configuration, const Circumstances& now,
                           const std::set<std::string>& server_devices);

}  // namespace shoal::director

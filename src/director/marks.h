#pragma once

#include <vector>

#include "dataplane/dataplane.h"
#include "model/configuration.h"

// Which virtual servers are one service of the data plane.

namespace shoal::director {

/// The virtual servers of one firewall mark, or a single one. They agree in all but name, address,
/// port and checks; the first one speaks for the others.
struct ServiceGroup {
    dataplane::ServiceKey key;
    /// In the order of the file; never empty. They belong to the configuration.
    std::vector<const model::VirtualServer*> virtual_servers;

    const model::VirtualServer& first() const { return *virtual_servers.front(); }
};

/// Of the active virtual servers, in the order in which the file first names them.
std::vector<ServiceGroup> service_groups(const model::Configuration& configuration);

dataplane::ServiceKey service_key(const model::VirtualServer& service);
dataplane::ServerKey server_key(const model::VirtualServer& service,
                                const model::RealServer& server);

/// The packets of a firewall mark's virtual server, sorted and each once.
std::vector<dataplane::MarkMatch> mark_matches(const model::Configuration& configuration,
                                               const dataplane::ServiceKey& mark);

}  // namespace shoal::director

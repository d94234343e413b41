#pragma once

#include <optional>
#include <vector>

#include "dataplane/dataplane.h"
#include "director/marks.h"

namespace shoal::director {

/// The sorry server of a virtual server as the data plane has it, with weight 1; nothing where the
/// virtual server has none.
std::optional<dataplane::Server> sorry_server(const model::Configuration& configuration,
                                              const model::VirtualServer& service);

/// Puts `sorry` in the pool while no server of it can take a new connection. One that is there
/// already, drained, takes connections again.
void let_sorry_server_serve(const dataplane::Server& sorry, std::vector<dataplane::Server>& pool);

}  // namespace shoal::director

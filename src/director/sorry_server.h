#pragma once

#include <optional>
#include <set>

#include "dataplane/dataplane.h"
#include "director/marks.h"

namespace shoal::director {

/// The sorry server of a virtual server as the data plane has it, with weight 1; nothing where the
/// virtual server has none.
std::optional<dataplane::Server> sorry_server(const model::Configuration& configuration,
                                              const model::VirtualServer& service);

/// From now on only `sorry` takes new connections; those that the real servers have go on. One of
/// them may be it. Where weight 0 does not send clients elsewhere the others leave the pool, and
/// `kept` names them.
void let_sorry_server_serve(dataplane::Service& service, const dataplane::Server& sorry,
                            std::set<dataplane::ServerKey>& kept);

}  // namespace shoal::director

#pragma once

#include <cstdint>
#include <utility>

#include "model/configuration.h"

namespace shoal::config {

/// What the data plane knows a real server of a virtual server by: its address and the port where
/// packets for it go, 0 where they keep theirs.
using ServerEndpoint = std::pair<net::Address, std::uint16_t>;
ServerEndpoint endpoint_of(const model::VirtualServer& service, const model::RealServer& server);
ServerEndpoint sorry_endpoint(const model::VirtualServer& service, const model::SorryServer& sorry);

}  // namespace shoal::config

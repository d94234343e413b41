#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// What a virtual server of a firewall mark takes, by its index.
using MarkedPackets = std::function<std::vector<MarkMatch>(std::uint32_t service)>;

/// See Dataplane::connections().
ConnectionPage read_connections(const Tables& tables, const MarkedPackets& marked,
                                const ConnectionFilter& filter, std::uint32_t from,
                                std::uint32_t scan);

}  // namespace shoal::dataplane

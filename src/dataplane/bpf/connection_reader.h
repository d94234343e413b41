#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// See Dataplane::connections().
ConnectionPage read_connections(const Tables& tables, const ConnectionFilter& filter,
                                std::uint32_t from, std::uint32_t scan);

/// Sums the table per real server and compares with the counts that the packet path keeps: one
/// sentence per difference. Only at rest are they equal for certain.
std::vector<std::string> compare_loads(const Tables& tables);

}  // namespace shoal::dataplane

#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// See Dataplane::connections().
ConnectionPage read_connections(const Tables& tables, const ConnectionFilter& filter,
                                std::uint32_t from, std::uint32_t scan);

/// The persistence templates in the table.
struct TemplateCensus {
    /// How many name a real server, by its index.
    std::vector<std::uint32_t> by_server;
    /// Whether any names a virtual server, by its index.
    std::vector<bool> services;
};
/// Reads every cell: some milliseconds for a million.
TemplateCensus count_templates(const Tables& tables);

}  // namespace shoal::dataplane

#pragma once

#include <vector>

#include "dataplane/bpf/tables.h"
#include "dataplane/bpf/virtual_servers.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// Sums the counters of all CPUs for the given virtual servers and their real servers. `former` is
/// the table that connections are being moved from, or null; `former_verdicts` as for
/// read_verdicts().
Result<Statistics> read_statistics(const Tables& tables, const Tables* former, int former_verdicts,
                                   const std::vector<VirtualServers::Entry>& entries);

}  // namespace shoal::dataplane

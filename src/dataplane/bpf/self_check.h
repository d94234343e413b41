#pragma once

#include <string>
#include <vector>

#include "dataplane/bpf/tables.h"

namespace shoal::dataplane {

/// Sums the table of connections and compares with what the packet path counts: the load of each
/// real server, its baseline, and the connections under each persistence template. One sentence
/// per difference. Only at rest is there none for certain.
std::vector<std::string> compare_counts(const Tables& tables);

}  // namespace shoal::dataplane

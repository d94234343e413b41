#pragma once

#include <string>
#include <vector>

#include "dataplane/bpf/tables.h"

namespace shoal::dataplane {

/// Sums the table of connections and compares with what the packet path counts: the load of each
/// real server, its baseline, and the connections under each persistence template. One sentence
/// per difference. Only at rest is there none for certain.
/// `former` is another table with the same real servers, or null.
std::vector<std::string> compare_counts(const Tables& tables, const Tables* former);

}  // namespace shoal::dataplane

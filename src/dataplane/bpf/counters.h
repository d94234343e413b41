#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/tables.h"
#include "model/status.h"

namespace shoal::dataplane {

/// An entry of service_counters or server_counters, over all CPUs.
Result<model::Counters> read_counters(int map, std::uint32_t index);

/// Reads those of many entries, neighbours with one call of the kernel.
class CountersReader {
  public:
    explicit CountersReader(int map) : map_(map) {}
    /// As they were when the first of its neighbours was asked for.
    Result<model::Counters> read(std::uint32_t index);

  private:
    int map_;
    /// By number of the group of neighbours.
    std::map<std::uint32_t, std::vector<model::Counters>> groups_;
};

/// Over all virtual servers that there are and ever were.
Result<model::Counters> total_counters(const Tables& tables);

/// Makes the counters of a virtual server's index 0. The total keeps what they counted.
Result<void> begin_counters(const Tables& tables, std::uint32_t service);

/// Packets by verdict. `former`: where the programs count that connections are being moved from,
/// the same map or that of another version; -1: there are none.
Result<std::vector<std::uint64_t>> read_verdicts(const Tables& tables, int former);

/// Those of another version's programs, once these run no more. May be repeated.
Result<void> keep_verdicts(const Tables& tables, int former);

}  // namespace shoal::dataplane

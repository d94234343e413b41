#pragma once

#include <cstdint>

#include "base/result.h"
#include "dataplane/bpf/tables.h"
#include "model/status.h"

namespace shoal::dataplane {

/// An entry of service_counters or server_counters, over all CPUs.
Result<model::Counters> read_counters(int map, std::uint32_t index);

/// Over all virtual servers that there are and ever were.
Result<model::Counters> total_counters(const Tables& tables);

/// Makes the counters of a virtual server's index 0. The total keeps what they counted.
Result<void> begin_counters(const Tables& tables, std::uint32_t service);

}  // namespace shoal::dataplane

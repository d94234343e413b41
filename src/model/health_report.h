#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/monitor.h"
#include "model/status.h"

namespace shoal::model {

/// What the checks know of one real server of one virtual server. Times are wall clock,
/// milliseconds since 1970; 0: never.
struct TargetHealth {
    std::string virtual_server;
    std::string real_server;
    /// What is checked. Port 0: none is needed.
    net::Address address;
    std::uint16_t port = 0;
    /// Set: the check goes to the virtual address, by way of that real server.
    std::optional<net::Address> virtual_address;
    /// While it is disabled, how it would be checked.
    MonitorType check = MonitorType::none;
    AdministrativeState state = AdministrativeState::enabled;
    Health health = Health::unknown;
    std::int64_t since_ms = 0;
    /// What the last check saw; empty while all is well.
    std::string reason;
    /// The beginning of what the server said then, others than printable ASCII characters escaped:
    /// "HTTP/1.1 200 OK\r\n".
    std::string heard;
    /// Where its agent takes it out, that it does so, and why; else empty. `state` and `health`
    /// follow it.
    std::string agent{};
    /// Checks that have ended; one serves all targets that ask the same.
    std::uint64_t checks = 0;
    std::int64_t last_check_ms = 0;
    std::int64_t latency_us = 0;
    std::int64_t next_check_ms = 0;
};

struct HealthReport {
    std::int64_t now_ms = 0;
    /// In the order of the file, without virtual and real servers that are not active.
    std::vector<TargetHealth> targets;
};

}  // namespace shoal::model

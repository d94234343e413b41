#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "model/status.h"

namespace shoal::health {

/// One real server of one virtual server, by their names in the configuration.
struct TargetId {
    std::string virtual_server;
    std::string real_server;
    auto operator<=>(const TargetId&) const = default;
};

/// Wall clock times are in milliseconds since 1970; 0: never.
struct Verdict {
    model::Health health = model::Health::unknown;
    /// What the last check saw, for instance "connection refused"; empty while all is well.
    std::string reason{};
    /// When `health` became what it is; wall clock.
    std::int64_t since_ms = 0;
    /// How many checks of this kind have ended; one serves all targets that ask the same.
    std::uint64_t checks = 0;
    /// When the last one ended, and how long it took; wall clock.
    std::int64_t last_check_ms = 0;
    std::int64_t latency_us = 0;
    /// The beginning of what the server said then, at most 256 bytes; any bytes.
    std::string heard{};
    /// When the next one begins; wall clock. It passed if that one runs now.
    std::int64_t next_check_ms = 0;
};

/// What is known of every target. A target without an entry is unknown.
using HealthView = std::map<TargetId, Verdict>;

}  // namespace shoal::health

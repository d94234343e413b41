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

struct Verdict {
    model::Health health = model::Health::unknown;
    /// What the last check saw, for instance "connection refused"; empty while all is well.
    std::string reason;
    /// When `health` became what it is; wall clock, milliseconds since 1970.
    std::int64_t since_ms = 0;
};

/// What is known of every target. A target without an entry is unknown.
using HealthView = std::map<TargetId, Verdict>;

}  // namespace shoal::health

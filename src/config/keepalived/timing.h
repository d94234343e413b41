#pragma once

#include <cstdint>
#include <optional>

#include "model/configuration.h"

namespace shoal::config::keepalived {

/// How often is checked, and when a real server counts as gone: set in a virtual server, in a real
/// server or in a check, the inner one first.
struct Timing {
    std::optional<model::milliseconds> delay_loop;
    std::optional<model::milliseconds> connect_timeout;
    std::optional<model::milliseconds> delay_before_retry;
    std::optional<std::uint32_t> retry;

    Timing within(const Timing& outer) const;
    bool operator==(const Timing&) const = default;
};

/// What a check says of Shoal's own settings.
struct OwnTiming {
    model::milliseconds interval{};
    model::milliseconds timeout{};
    /// From the last good answer until keepalived has retried in vain.
    model::milliseconds service_timeout{};
};

/// Between the limits of the settings. `defaults`: keepalived's for this kind of check.
OwnTiming own_timing(const Timing& timing, const Timing& defaults);

}  // namespace shoal::config::keepalived

#include "config/keepalived/timing.h"

#include <algorithm>

namespace shoal::config::keepalived {

namespace {

using model::milliseconds;

// The limits of the settings interval, timeout and service_timeout.
constexpr milliseconds least_interval{10};
constexpr milliseconds least_timeout{5};
constexpr milliseconds least_service_timeout{100};
constexpr milliseconds longest{3'600'000};

template <class Value>
std::optional<Value> inner(const std::optional<Value>& own, const std::optional<Value>& outer) {
    return own ? own : outer;
}

}  // namespace

Timing Timing::within(const Timing& outer) const {
    return {inner(delay_loop, outer.delay_loop), inner(connect_timeout, outer.connect_timeout),
            inner(delay_before_retry, outer.delay_before_retry), inner(retry, outer.retry)};
}

OwnTiming own_timing(const Timing& timing, const Timing& defaults) {
    const auto all = timing.within(defaults);
    OwnTiming own;
    own.interval = std::clamp(*all.delay_loop, least_interval, longest);
    own.timeout = std::clamp(*all.connect_timeout, least_timeout, own.interval);
    const auto before_retry = all.delay_before_retry.value_or(own.interval);
    const auto silence = own.interval + own.timeout + *all.retry * (before_retry + own.timeout);
    own.service_timeout =
        std::max(own.interval, std::clamp(silence, least_service_timeout, longest));
    return own;
}

}  // namespace shoal::config::keepalived

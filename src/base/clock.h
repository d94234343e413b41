#pragma once

#include <chrono>
#include <cstdint>

namespace shoal {

/// All timing runs on the monotonic clock. State machines take `now` as a parameter.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Milliseconds = std::chrono::milliseconds;

/// For people and logs only: milliseconds since 1970. It may jump.
inline std::int64_t wall_clock_ms() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<Milliseconds>(now).count();
}

}  // namespace shoal

#include "health/check_spread.h"

#include <cmath>

namespace shoal::health {

TimePoint second_check(TimePoint first_check, Milliseconds interval, std::uint64_t number) {
    // Multiples of the golden ratio fill the interval evenly at every count.
    constexpr double golden_ratio = 0.618033988749895;
    const double turns = static_cast<double>(number) * golden_ratio;
    // In (0, 1]: the very first target waits for the whole interval.
    const double phase = 1 - (turns - std::floor(turns));
    const std::chrono::duration<double, std::milli> wait(static_cast<double>(interval.count()) *
                                                         phase);
    const auto second = first_check + std::chrono::duration_cast<Clock::duration>(wait);
    return second - second.time_since_epoch() % wakeup_step;
}

}  // namespace shoal::health

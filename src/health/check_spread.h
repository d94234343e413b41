#pragma once

#include <cstdint>

#include "base/clock.h"

namespace shoal::health {

/// The regular checks are spread in steps of this, so that where there are many, several of them
/// share one wake-up of the process: at 1000 checks a second that halves the cost of each.
inline constexpr Milliseconds wakeup_step{10};

/// When the target that was added as number `number` (from 0) has its second check, with which its
/// regular checks begin: at most an interval after the first, and such that the checks of all
/// targets of one interval lie evenly in it, however many are added later.
TimePoint second_check(TimePoint first_check, Milliseconds interval, std::uint64_t number);

}  // namespace shoal::health

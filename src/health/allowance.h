#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace shoal::health {

/// So many a second and no more, however many ask: what strangers can cause has a bound.
class Allowance {
  public:
    /// `per_second`, above 0, is also the most that may come at once.
    explicit Allowance(double per_second) : per_second_(per_second), left_(per_second) {}

    bool take(TimePoint now) {
        const auto passed = std::chrono::duration<double>(now - last_).count();
        left_ = std::min(left_ + std::max(passed, 0.0) * per_second_, per_second_);
        last_ = now;
        if (left_ < 1) return false;
        left_ -= 1;
        return true;
    }

  private:
    double per_second_;
    double left_;
    TimePoint last_{};
};

}  // namespace shoal::health

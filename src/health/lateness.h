#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace shoal::health {

/// How long after their time checks begin, in whole milliseconds.
class Lateness {
  public:
    void add(Clock::duration late) {
        const auto ms = std::chrono::duration_cast<Milliseconds>(late).count();
        const auto place = static_cast<std::size_t>(std::clamp<std::int64_t>(ms, 0, most_ms));
        ++counts_.at(place);
        ++total_;
        worst_ms_ = std::max<std::int64_t>(worst_ms_, ms);
    }

    /// What 99 of 100 do not exceed; at most `most_ms`.
    std::int64_t p99_ms() const {
        const auto within = total_ - total_ / 100;
        std::uint64_t seen = 0;
        for (std::size_t ms = 0; ms < counts_.size(); ++ms) {
            seen += counts_.at(ms);
            if (seen >= within) return static_cast<std::int64_t>(ms);
        }
        return most_ms;
    }
    std::int64_t worst_ms() const { return worst_ms_; }

    static constexpr std::int64_t most_ms = 2000;

  private:
    std::array<std::uint64_t, most_ms + 1> counts_{};
    std::uint64_t total_ = 0;
    std::int64_t worst_ms_ = 0;
};

}  // namespace shoal::health

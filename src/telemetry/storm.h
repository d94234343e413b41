#pragma once

#include <map>
#include <optional>

#include "base/clock.h"
#include "telemetry/event.h"

namespace shoal::telemetry {

/// Keeps a storm of events from becoming one of notifications: of more than `most_in_a_second`, the
/// rest become one event each second, until a second comes with fewer.
class Storm {
  public:
    static constexpr std::uint32_t most_in_a_second = 20;

    /// True: to be told now. False: it was kept for sum_up(), which is due at due().
    bool take(const Event& event, TimePoint now);
    /// When sum_up() is to be called; unset while nothing is kept.
    std::optional<TimePoint> due() const;
    /// What was kept, as one event, or as itself if it was only one; and begins the next second.
    Event sum_up(TimePoint now);

  private:
    void begin_second(TimePoint now);

    TimePoint second_{};
    std::uint32_t taken_ = 0;
    /// The last second was one of too many.
    bool storming_ = false;
    std::uint32_t kept_ = 0;
    std::map<model::EventKind, std::uint32_t> kinds_;
    Event last_;
};

}  // namespace shoal::telemetry

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/configuration.h"
#include "telemetry/event_log.h"
#include "telemetry/rings.h"

namespace shoal::director {

/// Whose counters, and since when.
struct RingQuestion {
    /// Unset: the director as a whole.
    std::optional<std::string> virtual_server{};
    /// "sorry" is the sorry server. Unset: the virtual server.
    std::optional<std::string> real_server{};
    telemetry::RingWidth width = telemetry::RingWidth::second;
    /// Wall clock, milliseconds since 1970; unset: all.
    std::optional<std::int64_t> from_ms{};
    bool operator==(const RingQuestion&) const = default;
};

struct RingAnswer {
    /// As telemetry::RingPage's.
    bool kept = false;
    /// Of the first cell; wall clock, milliseconds since 1970.
    std::int64_t begin_ms = 0;
    /// Of a cell.
    std::uint32_t seconds = 1;
    std::vector<telemetry::Cell> cells{};
};

/// Whom the names mean in the data plane; an error in words where that is nobody.
Result<telemetry::RingObject> ring_object(const model::Configuration& configuration,
                                          const RingQuestion& question);

/// What is kept of the past: how the counters went, and what happened.
class Records {
  public:
    /// The state directory remembers the numbers of events.
    explicit Records(const std::string& state_directory);

    /// The counters now.
    void sample(const dataplane::Statistics& statistics, TimePoint now);
    RingAnswer read(const telemetry::RingObject& object, const RingQuestion& question);
    telemetry::EventLog& events() { return events_; }

  private:
    /// From the monotonic clock to the wall clock.
    Milliseconds offset();

    telemetry::Rings rings_;
    telemetry::EventLog events_;
    std::optional<Milliseconds> offset_;
};

/// When counters are read: each second, or every two where that takes too much of shoald's time. At
/// most one twentieth of it is more than the rates alone need.
class ReadingPace {
  public:
    /// Whether the rates are to be estimated by a reading at `now`; they say so once.
    bool rates_due(TimePoint now);
    /// When the next reading is due, after one that began and ended then. Readings keep to seconds
    /// after the first one.
    TimePoint next(TimePoint began, TimePoint ended);

  private:
    std::optional<TimePoint> due_;
    std::optional<TimePoint> rates_;
    std::chrono::seconds pause_{1};
};

}  // namespace shoal::director

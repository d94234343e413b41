#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "dataplane/dataplane.h"
#include "telemetry/ring.h"

namespace shoal::telemetry {

/// Whose counters: a virtual server's, a real server's of it, or (nothing set) of the director as a
/// whole.
struct RingObject {
    std::optional<dataplane::ServiceKey> service{};
    std::optional<dataplane::ServerKey> server{};
    auto operator<=>(const RingObject&) const = default;
};

/// 1 s for 5 min, 10 s for 2 h, 5 min for 7 days.
enum class RingWidth : std::size_t { second, ten_seconds, five_minutes };

struct RingLimits {
    /// Those that are watched come on top.
    std::size_t objects = 1000;
    /// Of all rings; where it is reached, those that came last are kept no more.
    std::size_t bytes = std::size_t{64} << 20;
    /// How long after somebody asked an object is watched.
    Milliseconds watched{10 * 60 * 1000};
};

/// A piece of a ring.
struct RingPage {
    /// False: nothing is known, though it is watched from now on if there is room.
    bool kept = false;
    /// Of the first cell; later than asked for where the ring does not reach back so far.
    TimePoint begin{};
    /// Of a cell.
    std::uint32_t seconds = 1;
    std::vector<Cell> cells{};
};

/// How the counters went, for some time back. Objects that come, go, or whose counters begin anew
/// give gaps, never spikes. All of it is on the monotonic clock, and ends with shoald.
class Rings {
  public:
    explicit Rings(RingLimits limits = {}) : limits_(limits) {}

    /// What all counters are now; to be called each second, or every two.
    void sample(const dataplane::Statistics& statistics, TimePoint now);
    /// Cells from `from` (unset: all) to now. Watches the object.
    RingPage read(const RingObject& object, RingWidth width, std::optional<TimePoint> from,
                  TimePoint now);

    std::size_t objects() const { return objects_.size(); }
    std::size_t memory() const { return memory_; }

  private:
    struct Reading {
        model::Counters counters{};
        std::uint64_t active = 0;
        std::uint64_t inactive = 0;
    };
    struct Object {
        std::array<Ring, 3> rings{Ring(1, 300), Ring(10, 720), Ring(300, 2016)};
        std::uint64_t order = 0;
        /// Seconds since `origin_`; of the last reading.
        std::int64_t seen = 0;
        Reading last{};
        /// It is beyond the limit, and goes when nobody watches it any more.
        bool beyond = false;

        std::size_t memory() const;
    };
    using Objects = std::map<RingObject, Object>;
    struct Newcomer {
        RingObject object;
        Reading reading;
    };

    void sample_service(const dataplane::ServiceLoad& service, std::vector<Newcomer>& newcomers);
    void take(Object& object, const Reading& reading);
    void take_or_note(const RingObject& object, const Reading& reading,
                      std::vector<Newcomer>& newcomers);
    void admit(std::vector<Newcomer> newcomers);
    bool has_room() const;
    bool is_watched(const RingObject& object) const;
    bool watches_any_of(const dataplane::ServiceKey& service) const;
    void forget_the_unwatched(TimePoint now);
    void forget_the_gone();
    void shrink();
    void forget(Objects::iterator object);

    RingLimits limits_;
    /// The first sample's time, and the second of the present one.
    std::optional<TimePoint> origin_;
    std::int64_t now_ = -1;
    std::int64_t before_ = -1;
    std::uint64_t next_order_ = 0;
    Objects objects_;
    std::map<RingObject, TimePoint> watched_until_;
    /// Newcomers are noted in this sample, not only those that are watched.
    bool room_ = true;
    std::int64_t looked_for_the_gone_ = 0;
    std::size_t memory_ = 0;
};

}  // namespace shoal::telemetry

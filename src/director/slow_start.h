#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "dataplane/dataplane.h"
#include "director/circumstances.h"

namespace shoal::director {

/// Per mille of its weight that a real server has `since` it came back, if it takes `duration`
/// until it has all of it: from a tenth, evenly.
std::uint32_t slow_start_factor(Milliseconds since, Milliseconds duration);

/// Who is just coming back. Real servers that serve when shoald starts, or that its first checks
/// find up, come back from nowhere; those that are added later have as little warm caches as those
/// that failed.
class SlowStarts {
  public:
    /// A real server of the data plane, whatever its names are.
    using Place = std::pair<dataplane::ServiceKey, dataplane::ServerKey>;
    struct Sight {
        Place place;
        /// Its names.
        std::vector<health::TargetId> targets{};
        bool usable = false;
        /// Its first check has not ended.
        bool undecided = false;
        /// 0: it has its weight at once.
        Milliseconds duration{};
    };

    /// Everyone there is.
    void look(const std::vector<Sight>& all, TimePoint now);
    /// Some have not reached their weights at `now`.
    bool any(TimePoint now) const;
    /// `factors` times what the slow starts leave of them.
    WeightFactors applied_to(WeightFactors factors, TimePoint now) const;

  private:
    struct Known {
        std::vector<health::TargetId> targets{};
        bool usable = false;
        /// It may have been serving before this shoald looked for the first time.
        bool from_start = false;
        TimePoint back_since{};
        /// 0: it does not start slowly.
        Milliseconds duration{};

        bool is_slow(TimePoint now) const { return now < back_since + duration; }
    };

    static void look(const Sight& sight, Known& known, TimePoint now);

    bool looked_ = false;
    std::map<Place, Known> known_;
};

}  // namespace shoal::director

#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "base/clock.h"
#include "dataplane/dataplane.h"
#include "model/status.h"

namespace shoal::director {

/// How often rates are estimated, as in IPVS.
inline constexpr Milliseconds rate_interval{2'000};

/// The rates of one set of counters: at each sample new = old + (measured - old) / 4, from 0 on.
class RateEstimator {
  public:
    /// The first sample only tells where the counters stand. A counter that went backwards counts
    /// as one that did not move. A sample at the time of the last one is passed over.
    void sample(const model::Counters& counters, TimePoint now);
    model::Rates rates() const;
    /// Of all that was sampled by both.
    RateEstimator& operator+=(const RateEstimator& other);

  private:
    static constexpr std::size_t kinds = 5;
    using Numbers = std::array<std::uint64_t, kinds>;
    static Numbers numbers(const model::Counters& counters);

    bool begun_ = false;
    TimePoint last_time_;
    Numbers last_{};
    /// Per second.
    std::array<double, kinds> rates_{};
};

/// The rates of every virtual and real server that the data plane counts.
class RateTable {
  public:
    /// Forgets what is not in `statistics` any more.
    void sample(const dataplane::Statistics& statistics, TimePoint now);

    model::Rates of(const dataplane::ServiceKey& service) const;
    model::Rates of(const dataplane::ServiceKey& service, const dataplane::ServerKey& server) const;
    model::Rates total() const;
    /// Packets per second.
    std::uint64_t of_verdict(const std::string& name) const;

  private:
    using ServerPlace = std::pair<dataplane::ServiceKey, dataplane::ServerKey>;

    std::map<dataplane::ServiceKey, RateEstimator> services_;
    std::map<ServerPlace, RateEstimator> servers_;
    std::map<std::string, RateEstimator> verdicts_;
};

}  // namespace shoal::director

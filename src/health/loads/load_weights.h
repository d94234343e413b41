#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "model/monitor.h"

namespace shoal::health {

/// Per mille: the weight of the file.
inline constexpr std::uint32_t full_factor = 1000;

/// Turns the loads of one real server into a factor of its weight, in per mille. It goes towards
/// normal load / load, within the bounds of the settings.
///
/// A load average tells of the last minute and is heard of even later, and a changed weight changes
/// the loads: whoever follows them at once makes all of a pool swing. So each load moves the factor
/// by a part of the way only, more of it the longer no load came, and never by more than a fifth.
/// With as slow an integration as that the loop is stable; load_weights_test.cpp shows it.
class LoadWeight {
  public:
    explicit LoadWeight(const model::LoadMonitor& settings) : settings_(settings) {}

    /// Goes on where another one was, as far as the settings allow.
    void begin(std::uint32_t per_mille);
    /// Later loads are judged by these.
    void set(const model::LoadMonitor& settings) { settings_ = settings; }
    /// A load that is new, at least 0.
    void observe(double load, TimePoint now);
    /// An agent's own wish, which needs no smoothing: percent of the weight of the file.
    void order(std::uint32_t percent, TimePoint now);
    /// Nothing new is known; called again and again, it brings the factor slowly back to 1000.
    void forget(TimePoint now);

    /// What the weight is to be multiplied by. It follows in steps, so that it does not change with
    /// every breath of the load.
    std::uint32_t per_mille() const { return published_; }

  private:
    /// By `part` of the way, which is measured in ratios: from 1000 it is as far to 500 as to 2000.
    void move(double target, double part);
    double since_last_move(TimePoint now);

    model::LoadMonitor settings_;
    std::optional<TimePoint> moved_;
    /// Per mille.
    double factor_ = full_factor;
    std::uint32_t published_ = full_factor;
};

}  // namespace shoal::health

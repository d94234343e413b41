#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "health/loads/load_weights.h"

// A pool whose weights follow its loads, for load_weights_test.cpp and the chart of
// bench/load_weights: what comes is shared by weight, what waits at a real server is its load, the
// load average smooths that as Linux does, and it is seen late.

namespace shoal::health {

struct SimulatedPool {
    /// Of each real server, in the unit of `offered`.
    std::vector<double> capacities;
    double offered = 0;
    /// Factors to begin with, per mille.
    std::vector<std::uint32_t> begin{};
    model::LoadMonitor settings{};
    /// How old a load is when it is heard of.
    std::chrono::seconds age{5};
    /// True: the load is what comes by what can be done, without a queue that grows beyond all
    /// bounds as that comes near 1.
    bool linear = false;
    /// True: the factor of a load is in force at once, to show what that does.
    bool at_once = false;
};

/// One element a second: the factors in force, per mille.
inline std::vector<std::vector<std::uint32_t>> simulate(const SimulatedPool& pool,
                                                        std::chrono::seconds time) {
    constexpr double longest_queue = 200;
    constexpr int average_step = 5;
    const double kept = std::exp(-average_step / 60.0);
    const auto count = pool.capacities.size();
    const auto interval = std::chrono::duration_cast<std::chrono::seconds>(pool.settings.interval);
    std::vector<LoadWeight> weights(count, LoadWeight(pool.settings));
    const auto most = static_cast<double>(pool.settings.greatest_weight) * 10;
    const auto least = static_cast<double>(pool.settings.least_weight) * 10;
    for (std::size_t i = 0; i < count; ++i)
        weights[i].order(pool.begin[i] / 10, TimePoint{});
    std::vector<double> queues(count), averages(count);
    std::vector<std::vector<double>> seen;
    auto factors = pool.begin;
    std::vector<std::vector<std::uint32_t>> course;
    for (int second = 1; second <= time.count(); ++second) {
        double all = 0;
        for (const auto factor : factors)
            all += factor;
        for (std::size_t i = 0; i < count; ++i) {
            const double comes = pool.offered * factors[i] / all;
            const double done = pool.capacities[i] * queues[i] / (1 + queues[i]);
            queues[i] = pool.linear ? 2 * comes / pool.capacities[i]
                                    : std::clamp(queues[i] + comes - done, 0.0, longest_queue);
            if (second % average_step == 0)
                averages[i] = averages[i] * kept + queues[i] * (1 - kept);
        }
        seen.push_back(averages);
        for (std::size_t i = 0; i < count; ++i) {
            // Not all are asked in the same second.
            const auto phase =
                static_cast<std::int64_t>(i) * interval.count() / static_cast<std::int64_t>(count);
            if (second % interval.count() != phase) continue;
            const auto at = std::max<std::int64_t>(second - 1 - pool.age.count(), 0);
            const double load = seen[static_cast<std::size_t>(at)][i];
            weights[i].observe(load, TimePoint{} + std::chrono::seconds(second));
            factors[i] = weights[i].per_mille();
            if (pool.at_once) {
                factors[i] = static_cast<std::uint32_t>(
                    std::clamp(pool.settings.normal_load * 10 / std::max(load, 1e-6), least, most));
            }
        }
        course.push_back(factors);
    }
    return course;
}

/// How far a factor goes up and down in the second half of the course: greatest by least, of the
/// real server where that is most.
inline double swing(const std::vector<std::vector<std::uint32_t>>& course) {
    double most = 1;
    for (std::size_t i = 0; i < course.front().size(); ++i) {
        const auto [low, high] = std::minmax_element(
            course.begin() + static_cast<std::ptrdiff_t>(course.size() / 2), course.end(),
            [i](const auto& a, const auto& b) { return a[i] < b[i]; });
        most = std::max(most, static_cast<double>((*high)[i]) / (*low)[i]);
    }
    return most;
}

}  // namespace shoal::health

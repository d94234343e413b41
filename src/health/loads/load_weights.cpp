#include "health/loads/load_weights.h"

#include <algorithm>
#include <cmath>

namespace shoal::health {

namespace {

// In seconds. The time in which a factor goes some two thirds of its way, for loads that are asked
// often: a load average itself needs a minute.
constexpr double least_time = 60;
constexpr double greatest_time = 200;
/// The same, in intervals: between those two, and of the way back when loads are missing.
constexpr double intervals_to_target = 20;
constexpr double intervals_back = 6;
/// Of the way, for one load; matters where they come seldom.
constexpr double greatest_part = 0.2;
/// A factor is published when it has changed by that part.
constexpr double dead_band = 0.05;
/// A bound or the full weight is published when the factor has come as near as that.
constexpr double at_end = 0.01;

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double part_of_way(double passed, double time) {
    return 1 - std::exp(-passed / time);
}

double least_factor(const model::LoadMonitor& settings) {
    return settings.least_weight * 10.0;
}

double greatest_factor(const model::LoadMonitor& settings) {
    return settings.greatest_weight * 10.0;
}

double bounded(const model::LoadMonitor& settings, double per_mille) {
    return std::clamp(per_mille, least_factor(settings), greatest_factor(settings));
}

}  // namespace

void LoadWeight::observe(double load, TimePoint now) {
    const auto time =
        std::clamp(intervals_to_target * seconds(settings_.interval), least_time, greatest_time);
    const double normal = settings_.normal_load / 100.0;
    const double target = load > 0 ? full_factor * normal / load : greatest_factor(settings_);
    move(bounded(settings_, target),
         std::min(part_of_way(since_last_move(now), time), greatest_part));
}

void LoadWeight::order(std::uint32_t percent, TimePoint now) {
    since_last_move(now);
    factor_ = bounded(settings_, percent * 10.0);
    published_ = static_cast<std::uint32_t>(factor_);
}

void LoadWeight::begin(std::uint32_t per_mille) {
    factor_ = bounded(settings_, per_mille);
    published_ = static_cast<std::uint32_t>(factor_);
}

void LoadWeight::forget(TimePoint now) {
    const double time = intervals_back * seconds(settings_.interval);
    move(full_factor, part_of_way(since_last_move(now), time));
}

double LoadWeight::since_last_move(TimePoint now) {
    const auto passed = now - moved_.value_or(now - settings_.interval);
    moved_ = now;
    return std::max(seconds(passed), 0.0);
}

void LoadWeight::move(double target, double part) {
    factor_ *= std::pow(target / factor_, part);
    const auto differ = [](double a, double b, double by) { return std::abs(a / b - 1) > by; };
    const bool ends = target == full_factor || target == least_factor(settings_) ||
                      target == greatest_factor(settings_);
    // Where the way ends by itself, its last steps are not left out.
    if (ends && !differ(factor_, target, at_end)) {
        published_ = static_cast<std::uint32_t>(target);
    } else if (differ(factor_, published_, dead_band)) {
        published_ = static_cast<std::uint32_t>(std::lround(factor_));
    }
}

}  // namespace shoal::health

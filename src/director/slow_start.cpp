#include "director/slow_start.h"

#include <algorithm>
#include <utility>

namespace shoal::director {

namespace {

constexpr std::uint32_t first_factor = 100;

}  // namespace

std::uint32_t slow_start_factor(Milliseconds since, Milliseconds duration) {
    if (since >= duration) return full_weight;
    if (since <= Milliseconds::zero()) return first_factor;
    const auto gained = (full_weight - first_factor) * since.count() / duration.count();
    return first_factor + static_cast<std::uint32_t>(gained);
}

void SlowStarts::look(const std::vector<Sight>& all, TimePoint now) {
    auto before = std::exchange(known_, {});
    for (const auto& sight : all) {
        auto& known = known_[sight.place];
        if (const auto found = before.find(sight.place); found != before.end())
            known = std::move(found->second);
        else
            known.from_start = !looked_;
        look(sight, known, now);
    }
    looked_ = true;
}

void SlowStarts::look(const Sight& sight, Known& known, TimePoint now) {
    known.targets = sight.targets;
    if (!sight.usable) {
        known.duration = {};
    } else if (!known.usable && !known.from_start) {
        known.back_since = now;
        known.duration = sight.duration;
    }
    if (!sight.undecided) known.from_start = false;
    known.usable = sight.usable;
}

bool SlowStarts::any(TimePoint now) const {
    return std::ranges::any_of(known_,
                               [&](const auto& known) { return known.second.is_slow(now); });
}

WeightFactors SlowStarts::applied_to(WeightFactors factors, TimePoint now) const {
    for (const auto& [place, known] : known_) {
        if (!known.is_slow(now)) continue;
        const auto since = std::chrono::duration_cast<Milliseconds>(now - known.back_since);
        const std::uint64_t share = slow_start_factor(since, known.duration);
        for (const auto& target : known.targets) {
            auto& factor = factors.try_emplace(target, full_weight).first->second;
            factor = static_cast<std::uint32_t>(factor * share / full_weight);
        }
    }
    return factors;
}

}  // namespace shoal::director

#include "telemetry/storm.h"

#include <fmt/format.h>

#include <utility>

#include "model/choices.h"

namespace shoal::telemetry {

namespace {

constexpr std::chrono::seconds second{1};

}  // namespace

void Storm::begin_second(TimePoint now) {
    storming_ = taken_ > most_in_a_second;
    second_ = now;
    taken_ = 0;
}

bool Storm::take(const Event& event, TimePoint now) {
    if (kept_ == 0 && now - second_ >= second) begin_second(now);
    ++taken_;
    if (!storming_ && taken_ <= most_in_a_second) return true;
    ++kept_;
    ++kinds_[event.kind];
    last_ = event;
    return false;
}

std::optional<TimePoint> Storm::due() const {
    if (kept_ == 0) return {};
    return second_ + second;
}

Event Storm::sum_up(TimePoint now) {
    begin_second(now);
    const auto kept = std::exchange(kept_, 0);
    const auto kinds = std::exchange(kinds_, {});
    auto sum = std::exchange(last_, {});
    if (kept == 1) return sum;
    std::string text;
    for (const auto& [kind, count] : kinds)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, model::name_of(kind));
    sum.reason = fmt::format("{} more events within a second: {}; the last: {}", kept, text,
                             sentence_of(sum));
    sum.count = kept;
    return sum;
}

}  // namespace shoal::telemetry

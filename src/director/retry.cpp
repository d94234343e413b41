#include "director/retry.h"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::director {

namespace {

constexpr Milliseconds first_pause{200};
constexpr Milliseconds longest_pause{30'000};

Milliseconds pause_after(int failures) {
    Milliseconds pause = first_pause;
    for (int i = 1; i < failures && pause < longest_pause; ++i)
        pause *= 2;
    return std::min(pause, longest_pause);
}

}  // namespace

bool Retry::is_due(const std::string& operation, TimePoint now) const {
    const auto failure = failures_.find(operation);
    return failure == failures_.end() || failure->second.due <= now;
}

bool Retry::failed(const std::string& operation, const Error& error, TimePoint now) {
    auto& failure = failures_[operation];
    failure.error = error.message;
    failure.times += 1;
    failure.due = now + pause_after(failure.times);
    return failure.times == 1;
}

void Retry::succeeded(const std::string& operation) {
    failures_.erase(operation);
}

void Retry::begin_afresh() {
    failures_.clear();
}

void Retry::keep_only(const std::vector<std::string>& wanted) {
    std::erase_if(failures_, [&](const auto& entry) {
        return std::ranges::find(wanted, entry.first) == wanted.end();
    });
}

std::optional<TimePoint> Retry::next_due() const {
    std::optional<TimePoint> earliest;
    for (const auto& [operation, failure] : failures_) {
        if (!earliest || failure.due < *earliest) earliest = failure.due;
    }
    return earliest;
}

std::map<std::string, std::string> Retry::failures() const {
    std::map<std::string, std::string> errors;
    for (const auto& [operation, failure] : failures_)
        errors.emplace(operation, failure.error);
    return errors;
}

std::vector<std::string> Retry::problems() const {
    std::vector<std::string> sentences;
    for (const auto& [operation, failure] : failures_) {
        sentences.push_back(
            fmt::format("cannot {}: {} (tried {} times)", operation, failure.error, failure.times));
    }
    return sentences;
}

}  // namespace shoal::director

#include "director/administrative_states.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "director/states_text.h"

namespace shoal::director {

namespace {

using model::AdministrativeState;

/// What stays when nothing is said of a time.
AdministrativeState lasting_state(const StateEntry& entry) {
    if (entry.until_ms) return entry.then;
    return entry.deadline_ms ? AdministrativeState::maintenance : entry.state;
}

bool is_lasting(const StateEntry& entry, AdministrativeState state) {
    return entry.state == state && !entry.until_ms && !entry.deadline_ms;
}

std::optional<std::int64_t> time_after(std::int64_t now_ms, std::optional<Milliseconds> span) {
    if (!span) return std::nullopt;
    return now_ms + span->count();
}

/// What the entry becomes now, and why; an empty reason: it stays as it is.
std::pair<StateEntry, std::string> advanced(const StateEntry& entry, std::int64_t now_ms,
                                            const std::function<bool()>& has_connections) {
    if (entry.until_ms && now_ms >= *entry.until_ms)
        return {{.state = entry.then, .since_ms = now_ms}, "its time was over"};
    if (!entry.deadline_ms) return {entry, ""};
    auto rested = entry;
    rested.state = AdministrativeState::maintenance;
    rested.since_ms = now_ms;
    rested.deadline_ms.reset();
    if (now_ms >= *entry.deadline_ms) return {rested, "its deadline passed"};
    if (!has_connections()) return {rested, "no connection was left"};
    return {entry, ""};
}

}  // namespace

AdministrativeStates::AdministrativeStates(std::string path) : path_(std::move(path)) {}

Result<void> AdministrativeStates::load() {
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) {
        if (error) return fail(path_ + ": " + error.message());
        return {};
    }
    const auto text = read_file(path_, longest_states_text);
    if (!text) return fail(text.error());
    auto entries = parse_states(*text);
    if (!entries) return fail(entries.error().within(path_));
    take(std::move(*entries));
    return {};
}

Result<StateChange> AdministrativeStates::order(const health::TargetId& target,
                                                const StateOrder& order, std::int64_t now_ms) {
    auto entries = entries_;
    auto& entry = entries[target];
    const auto before = entry;
    entry = {.state = order.state,
             .since_ms = order.state == before.state ? before.since_ms : now_ms,
             .deadline_ms = time_after(now_ms, order.deadline),
             .until_ms = time_after(now_ms, order.lasting)};
    // Whoever drains a server and then maintains it for an hour wants it to serve afterwards; only
    // a trial ends where it began.
    if (order.lasting && order.state == AdministrativeState::enabled)
        entry.then = lasting_state(before);
    if (is_lasting(entry, AdministrativeState::enabled)) entries.erase(target);
    if (auto stored = store(entries); !stored) return fail(stored.error());
    take(std::move(entries));
    return StateChange{target, before.state, order.state, "an administrator said so"};
}

std::vector<StateChange> AdministrativeStates::advance(
    std::int64_t now_ms, const std::function<bool(const health::TargetId&)>& has_connections) {
    std::vector<StateChange> changes;
    auto entries = entries_;
    for (const auto& [target, entry] : entries_) {
        auto [next, why] = advanced(entry, now_ms, [&] { return has_connections(target); });
        if (why.empty()) continue;
        changes.push_back({target, entry.state, next.state, std::move(why)});
        if (is_lasting(next, AdministrativeState::enabled))
            entries.erase(target);
        else
            entries[target] = next;
    }
    if (changes.empty()) return changes;
    if (const auto stored = store(entries); !stored)
        log(Message::operation_failed, "{}", stored.error().message);
    take(std::move(entries));
    return changes;
}

void AdministrativeStates::keep_only(const std::function<bool(const health::TargetId&)>& is_known) {
    auto entries = entries_;
    const auto forgotten =
        std::erase_if(entries, [&](const auto& entry) { return !is_known(entry.first); });
    if (forgotten == 0) return;
    if (const auto stored = store(entries); !stored)
        log(Message::operation_failed, "{}", stored.error().message);
    take(std::move(entries));
}

Result<void> AdministrativeStates::store(const StateEntries& entries) const {
    if (auto written = write_file(path_, states_text(entries)); !written)
        return fail(written.error().within("keeping the administrative states"));
    return {};
}

void AdministrativeStates::take(StateEntries entries) {
    entries_ = std::move(entries);
    view_.clear();
    for (const auto& [target, entry] : entries_)
        view_.emplace(target, entry.state);
}

}  // namespace shoal::director

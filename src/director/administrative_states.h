#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "director/circumstances.h"

namespace shoal::director {

/// What an administrator decided about a real server. Times are wall clock, milliseconds since
/// 1970, because they outlive shoald.
struct StateEntry {
    model::AdministrativeState state = model::AdministrativeState::enabled;
    std::int64_t since_ms = 0;
    /// Draining ends then, or when no connection is left, and becomes maintenance.
    std::optional<std::int64_t> deadline_ms{};
    /// When `then` follows; unset: never.
    std::optional<std::int64_t> until_ms{};
    model::AdministrativeState then = model::AdministrativeState::enabled;
    bool operator==(const StateEntry&) const = default;
};
using StateEntries = std::map<health::TargetId, StateEntry>;

struct StateOrder {
    model::AdministrativeState state = model::AdministrativeState::enabled;
    /// Afterwards the real server is enabled, or, where it was enabled for this time, as it was
    /// before; unset: it stays so.
    std::optional<Milliseconds> lasting{};
    /// Of draining alone.
    std::optional<Milliseconds> deadline{};
    bool operator==(const StateOrder&) const = default;
};

struct StateChange {
    health::TargetId target;
    model::AdministrativeState from = model::AdministrativeState::enabled;
    model::AdministrativeState to = model::AdministrativeState::enabled;
    /// "its time was over"
    std::string why;
    bool operator==(const StateChange&) const = default;
};

/// The administrative states of all real servers, and the file that keeps them when shoald ends.
class AdministrativeStates {
  public:
    explicit AdministrativeStates(std::string path);

    /// Reads the file. Where it is damaged, all are enabled, and the error says so.
    Result<void> load();
    /// In force and in the file, or an error and nothing is changed. `now_ms` is wall clock.
    Result<StateChange> order(const health::TargetId& target, const StateOrder& order,
                              std::int64_t now_ms);
    /// Makes the changes whose time has come. `has_connections` is asked of what drains. An error
    /// of the file is left to the next change, since a restarted shoald comes to the same.
    std::vector<StateChange> advance(
        std::int64_t now_ms, const std::function<bool(const health::TargetId&)>& has_connections);
    /// Forgets the others: they left the configuration.
    void keep_only(const std::function<bool(const health::TargetId&)>& is_known);

    /// Without those that are enabled for good.
    const StateEntries& entries() const { return entries_; }
    const StateView& view() const { return view_; }

  private:
    Result<void> store(const StateEntries& entries) const;
    void take(StateEntries entries);

    std::string path_;
    StateEntries entries_;
    StateView view_;
};

}  // namespace shoal::director

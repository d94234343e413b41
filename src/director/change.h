#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/conflict.h"
#include "config/problem.h"
#include "config/revision_format.h"
#include "health/health_view.h"
#include "model/configuration.h"

namespace shoal::director {

/// A configuration to be put in force, and what it is based on.
struct ChangeRequest {
    std::string text{};
    config::Author author;
    std::string comment{};
    /// It is taken back after this time unless it is confirmed; unset: it stays.
    std::optional<std::chrono::milliseconds> confirm{};
    /// The revision that must be in force now; unset: any.
    std::optional<std::uint64_t> expected{};
    bool operator==(const ChangeRequest&) const = default;
};

/// What was done.
struct Changed {
    /// What is in force now, and what was before.
    config::RevisionHead revision{};
    std::uint64_t replaced = 0;
    /// Wall clock, milliseconds since 1970; unset: it stays.
    std::optional<std::int64_t> confirm_until_ms{};
    /// What the administrator should know, one sentence each: of the file, and what had been wrong
    /// before and still is.
    std::vector<std::string> warnings{};
    bool operator==(const Changed&) const = default;
};

/// Why nothing was changed.
struct ChangeRefused {
    enum class Why {
        /// The text has problems.
        problems,
        /// Another revision is in force than was expected.
        conflict,
        /// Something else must come to its end first.
        busy,
        /// There is no such revision, or nothing to confirm.
        nothing,
        /// Not recorded, or not made as a whole and taken back.
        failed,
    };
    Why why = Why::failed;
    std::string message{};
    std::vector<config::Problem> problems{};
    /// What failed, one sentence each.
    std::vector<std::string> failures{};
    std::vector<config::FieldConflict> fields{};
};

using ChangeResult = std::expected<Changed, ChangeRefused>;
/// Called once, maybe before the call that it was given to returns.
using OnChanged = std::function<void(ChangeResult)>;

inline std::unexpected<ChangeRefused> refuse(ChangeRefused::Why why, std::string message) {
    return std::unexpected(ChangeRefused{.why = why, .message = std::move(message)});
}

/// A change on its way into the kernel.
struct RunningChange {
    ChangeRequest request;
    config::RevisionHead revision;
    config::RevisionHead replaced;
    OnChanged on_changed;
    /// Operations that had failed before; they are no fault of the change.
    std::set<std::string> failing_before{};
    /// Whose real servers were in the pools before.
    std::vector<health::TargetId> serving_before{};
    int passes = 0;
    /// Not empty: it is being taken back.
    std::vector<std::string> failures{};
};

}  // namespace shoal::director

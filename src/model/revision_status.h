#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace shoal::model {

/// The configuration in force.
struct RevisionStatus {
    /// 0: it could not be recorded.
    std::uint64_t number = 0;
    std::string author{};
    std::string comment{};
    /// Wall clock, milliseconds since 1970.
    std::int64_t time_ms = 0;
    /// It is taken back then, for `former`, unless somebody confirms it; wall clock.
    std::optional<std::int64_t> confirm_until_ms{};
    std::optional<std::uint64_t> former{};
    /// The configuration file says something else, or is not there.
    bool file_is_edited = false;
};

}  // namespace shoal::model

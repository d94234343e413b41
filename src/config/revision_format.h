#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shoal::config {

/// Who made a change. "file": somebody who edited the configuration file, "shoald": the director by
/// itself.
struct Author {
    std::string user{};
    std::optional<std::uint32_t> uid{};
    bool operator==(const Author&) const = default;
};

/// All of a revision but its text.
struct RevisionHead {
    /// From 1, never used again.
    std::uint64_t number = 0;
    Author author{};
    std::string comment{};
    /// Wall clock, milliseconds since 1970.
    std::int64_t time_ms = 0;
    /// SHA-256 of the text, in hexadecimal digits.
    std::string hash{};
    bool operator==(const RevisionHead&) const = default;
};

struct Revision {
    RevisionHead head;
    std::string text;
    bool operator==(const Revision&) const = default;
};

/// A change that is taken back unless somebody confirms it.
struct Trial {
    /// What is put in force again.
    std::uint64_t former = 0;
    /// Wall clock, milliseconds since 1970, because it outlives shoald.
    std::int64_t deadline_ms = 0;
    /// How long it was given, so that a clock that is set back does not make it longer.
    std::int64_t span_ms = 0;
    bool operator==(const Trial&) const = default;
};

/// What is in force, and what of the revisions cannot be seen from themselves.
struct Standing {
    /// 0: none.
    std::uint64_t in_force = 0;
    /// The one in force before; 0: none.
    std::uint64_t predecessor = 0;
    /// SHA-256 of the configuration file as shoald last wrote or took it; empty: it never did.
    std::string file_hash{};
    std::optional<Trial> trial{};
    /// Revisions that failed, or were reverted.
    std::set<std::uint64_t> taken_back{};
    bool operator==(const Standing&) const = default;
};

/// What can be an author's name or a comment: UTF-8 without control characters, at most
/// model::max_line_length bytes; may be empty.
Result<std::string> parse_remark(std::string_view text);

// The files of the store: a line with the SHA-256 of all that follows, a line of JSON, the text.
// Whatever else a file holds is refused. Numbers are below 2^53, times before the year 10000.
std::string revision_file(const Revision& revision);
Result<Revision> parse_revision(std::string_view file);
std::string standing_file(const Standing& standing);
Result<Standing> parse_standing(std::string_view file);

}  // namespace shoal::config

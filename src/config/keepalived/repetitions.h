#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::config::keepalived {

/// "~SEQ(NAME, START, STEP, END) REST" or "~LST(NAME, VALUE, ...) REST".
struct Repetition {
    /// For each time: "$NAME=VALUE" lines, and REST.
    std::vector<std::string> lines;
};

/// How much may come of it, each line with its end.
struct RepetitionLimits {
    std::size_t lines = 0;
    std::size_t bytes = 0;
};

/// Unset: it is not written as it should be, or has too many lines. Of one with too many bytes
/// come just as many lines as have more than those.
std::optional<Repetition> read_repetition(std::string_view line, const RepetitionLimits& most);

}  // namespace shoal::config::keepalived

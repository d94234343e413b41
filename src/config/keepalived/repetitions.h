#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/keepalived/room.h"

namespace shoal::config::keepalived {

/// "~SEQ(NAME, START, STEP, END) REST" or "~LST(NAME, VALUE, ...) REST".
struct Repetition {
    /// For each time: "$NAME=VALUE" lines, and REST.
    std::vector<std::string> lines;
};

/// Unset: it is not written as it should be, or has too many lines. Of one with too many bytes
/// come just as many lines as have more than those.
std::optional<Repetition> read_repetition(std::string_view line, const Room& most);

}  // namespace shoal::config::keepalived

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shoal::http {

/// The parts of a request's target.
struct Target {
    std::vector<std::string> path;
    std::map<std::string, std::string> query;
    bool operator==(const Target&) const = default;
};

/// Takes "/api/v1/connections?client=192.0.2.7&limit=10" apart; a slash at the end of the path
/// means nothing. Fails on a path without a leading slash, a broken percent escape, a NUL, and a
/// parameter given twice.
Result<Target> parse_target(std::string_view target);

/// Escapes what may not stand in a path segment or a parameter.
std::string percent_encode(std::string_view text);

}  // namespace shoal::http

#pragma once

#include <expected>
#include <string_view>

#include "config/document.h"
#include "config/problem.h"

namespace shoal::config {

/// The tables of a TOML 1.0 text with the place of every key and value, or the first syntax error.
/// Never throws.
std::expected<Table, Problem> parse_toml(std::string_view text);

}  // namespace shoal::config

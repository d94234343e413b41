#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/keepalived/remarks.h"
#include "config/keepalived/sources.h"
#include "config/keepalived/words.h"

// What keepalived does with the text before it looks at keywords: included files, definitions
// ($NAME=VALUE), lines for one host alone (@host), and lines that are repeated (~SEQ, ~LST).

namespace shoal::config::keepalived {

struct Line {
    std::vector<Word> words;
    Place place;
};

struct ExpansionOptions {
    /// What keepalived calls its config-id. Unset: lines for some hosts alone are left out.
    std::optional<std::string> host;
    /// Of the file that is imported.
    std::string directory = ".";
};

// How much a small file may become; more is refused.
inline constexpr std::size_t max_expanded_bytes = 8UZ << 20;
inline constexpr std::size_t max_expanded_lines = 400'000;
/// Files within files, and files in all; more are left out with a remark.
inline constexpr int max_include_depth = 16;
inline constexpr std::size_t max_included_files = 1'024;
/// Definitions within definitions.
inline constexpr int max_definition_depth = 64;

std::expected<std::vector<Line>, Problem> expand(std::string_view text,
                                                 const ExpansionOptions& options, Sources& sources,
                                                 Remarks& remarks);

}  // namespace shoal::config::keepalived

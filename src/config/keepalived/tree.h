#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/keepalived/expansion.h"
#include "config/keepalived/remarks.h"

// The statements of a keepalived.conf, before anything is known of their meaning.

namespace shoal::config::keepalived {

struct Statement {
    std::string keyword;
    std::vector<std::string> arguments;
    Place place;
    bool has_block = false;
    std::vector<Statement> block;
};

/// Deeper blocks are refused; keepalived knows five levels.
inline constexpr std::size_t max_block_depth = 16;

/// Braces that are missing or too many are named in `remarks`, and the statements are what was
/// probably meant.
std::expected<std::vector<Statement>, Problem> read_tree(const std::vector<Line>& lines,
                                                         Remarks& remarks);

}  // namespace shoal::config::keepalived

#pragma once

#include <string>
#include <string_view>

#include "health/loads/load_monitor.h"

namespace shoal::director {

/// Bytes; what all real servers that there may be need has room.
inline constexpr std::size_t longest_loads_text = 64UL << 20;

/// The file of what is remembered of loads and agents, as JSON with a line for each real server.
std::string loads_text(const health::LoadMemories& memories);
/// An error where anything in it is not as loads_text() writes it.
Result<health::LoadMemories> parse_loads(std::string_view text);

}  // namespace shoal::director

#pragma once

#include <string>
#include <string_view>

#include "director/administrative_states.h"

namespace shoal::director {

/// Bytes; what all real servers that there may be need has room.
inline constexpr std::size_t longest_states_text = 16UL << 20;

/// The file of administrative states, as JSON with a line for each real server.
std::string states_text(const StateEntries& entries);
/// An error where anything in it is not as states_text() writes it.
Result<StateEntries> parse_states(std::string_view text);

}  // namespace shoal::director

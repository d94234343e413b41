#pragma once

#include <string_view>

// What happens when a setting is changed on a running director.

namespace shoal::model {

namespace effect {
inline constexpr std::string_view at_once = "At once; connections stay.";
inline constexpr std::string_view next_check = "From the next check on; connections stay.";
inline constexpr std::string_view next_event = "From the next event on; connections stay.";
inline constexpr std::string_view next_load = "From the next load on; connections stay.";
inline constexpr std::string_view new_connections =
    "At once for new connections; existing ones stay as they are.";
inline constexpr std::string_view another_service =
    "It becomes another virtual server: connections of the old one end.";
inline constexpr std::string_view renamed = "Connections stay; the checks begin anew.";
inline constexpr std::string_view another_server =
    "It becomes another real server: connections of the old one end.";
/// Redundancy is stored and not run.
inline constexpr std::string_view not_running =
    "Not yet running: it is read, checked and kept, and changes nothing.";
inline constexpr std::string_view hooks =
    "At once; the new hook is attached before the old one is taken away.";
inline constexpr std::string_view timeout = "At once, for existing connections too.";
inline constexpr std::string_view mark_ports =
    "At once for new connections; those of a port that has lost its mark go on.";
}  // namespace effect

}  // namespace shoal::model

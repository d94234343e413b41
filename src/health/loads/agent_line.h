#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::health {

/// What an agent wants of its real server. Its words hold until it says another one.
enum class AgentWish {
    ready,
    drain,  ///< no new connections
    maintenance,
};

/// A line of HAProxy's agent protocol. What it does not mention stays as it was.
struct AgentLine {
    /// Of the weight of the file, in percent.
    std::optional<std::uint32_t> percent;
    std::optional<AgentWish> wish;
    /// Whether its service can be used.
    std::optional<bool> up;
    /// What it says to people behind a #; any bytes.
    std::string reason{};
    bool operator==(const AgentLine&) const = default;
};

/// The longest line that is read, in bytes.
inline constexpr std::size_t longest_agent_line = 1024;

/// Reads up to the first line end. Words are parted by blanks, tabs or commas, whatever their case:
/// "75%", "up", "down", "failed", "stopped", "ready", "drain", "maint"; what follows a # is for
/// people, and "maxconn:N" is left to thresholds. Nothing if another word stands there, or none.
std::optional<AgentLine> read_agent_line(std::string_view answer);

}  // namespace shoal::health

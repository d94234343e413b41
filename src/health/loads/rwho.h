#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::health {

inline constexpr std::uint16_t rwho_port = 513;

/// What rwhod tells its network every three minutes, without the users that are logged in.
struct RwhoPacket {
    /// As the sender calls itself; any bytes.
    std::string host;
    /// By the sender's clock, seconds since 1970.
    std::int64_t sent = 0;
    std::int64_t booted = 0;
    /// The load average of one minute. It may be absurd.
    double load = 0;
};

/// Nothing if the datagram is no whole packet of a host's status.
std::optional<RwhoPacket> read_rwho(std::string_view datagram);

}  // namespace shoal::health

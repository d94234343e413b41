#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What `rup` says: Sun RPC version 2 (RFC 5531) over UDP, program 100001 of rstatd, whose port the
// portmapper (RFC 1833) knows. Everything on the wire is words of 32 bits, most significant byte
// first.

namespace shoal::health::rstat {

inline constexpr std::uint16_t portmapper_port = 111;
/// Of the program; version 1 had no loads.
inline constexpr std::uint32_t least_version = 2;
inline constexpr std::uint32_t usual_version = 3;
inline constexpr std::uint32_t greatest_version = 4;

/// Asks the portmapper for rstatd's UDP port.
std::string port_question(std::uint32_t transaction, std::uint32_t version);
/// Asks rstatd for its statistics.
std::string load_question(std::uint32_t transaction, std::uint32_t version);

struct Reply {
    enum class Status {
        success,
        /// Nobody serves the program here.
        no_program,
        /// Only from `least` to `greatest`.
        other_version,
        /// Denied, or not understood.
        refused,
    };
    std::uint32_t transaction = 0;
    Status status = Status::refused;
    std::uint32_t least = 0;
    std::uint32_t greatest = 0;
    /// Within the datagram that was read.
    std::string_view results{};
};

/// Nothing if the datagram is no whole RPC reply.
std::optional<Reply> read_reply(std::string_view datagram);
/// From the portmapper's results; 0 if the program is not registered.
std::optional<std::uint16_t> read_port(std::string_view results);
/// The load average of one minute from the results of `version`. It may be absurd.
std::optional<double> read_load(std::uint32_t version, std::string_view results);

}  // namespace shoal::health::rstat

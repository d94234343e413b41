#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/address.h"

namespace shoal::health {

/// What tells one echo request from all others.
struct EchoRequest {
    net::Address to;
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    /// Random: who did not see the request cannot answer it.
    std::uint64_t token = 0;
};

/// The ICMP or ICMPv6 message. The checksum of the latter is left to the kernel.
std::string echo_message(const EchoRequest& request);

/// What a received packet says of some request.
struct EchoNews {
    bool is_reply = false;
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    /// Of a reply always, of an error where it quotes that much.
    std::optional<std::uint64_t> token;
    /// Of an error: where the request was sent to.
    net::Address to;
};

/// Reads what a raw socket received: for IPv4 with its IP header, for IPv6 without. Nothing where
/// it is neither the reply to an echo request nor an error that quotes one.
std::optional<EchoNews> read_echo_v4(std::string_view packet);
std::optional<EchoNews> read_echo_v6(std::string_view message);

}  // namespace shoal::health

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "net/address.h"
#include "net/packet_socket.h"

namespace shoal::net {

/// An Ethernet frame with an ARP packet, padded with zeros to Ethernet's least length.
using ArpFrame = std::array<std::byte, 60>;

/// Gratuitous ARP: tells everybody on the link which MAC an IPv4 address has now. Both forms are
/// broadcast and carry the address as sender and as target (RFC 5227, 2.3 and 3; RFC 5944, 4.6).
/// Routers exist that heed only one of them, so both are sent.

/// ARP request; the target's hardware address is zero.
ArpFrame gratuitous_arp_request(const Address& address, const MacAddress& mac);
/// ARP reply; the target's hardware address is the sender's, since Linux takes a reply for
/// gratuitous only then (arp_is_garp) and RFC 5944 says so.
ArpFrame gratuitous_arp_reply(const Address& address, const MacAddress& mac);

/// Sends both forms from the interface.
Result<void> announce_ipv4(PacketSocket& socket, std::uint32_t interface_index,
                           const Address& address, const MacAddress& mac);

}  // namespace shoal::net

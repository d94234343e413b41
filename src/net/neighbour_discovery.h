#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "net/address.h"
#include "net/packet_socket.h"

namespace shoal::net {

/// Ethernet, IPv6, and an ICMPv6 neighbour advertisement with one option.
using AdvertisementFrame = std::array<std::byte, 14 + 40 + 24 + 8>;

/// Unsolicited neighbour advertisement to all nodes (RFC 4861, 7.2.6): IPv6's gratuitous ARP. It
/// overrides what the neighbours remember. `router` must say whether the sender forwards packets:
/// a host that hears the opposite drops it from its default routers.
AdvertisementFrame unsolicited_advertisement(const Address& address, const MacAddress& mac,
                                             bool router);

/// Sends one from the interface.
Result<void> announce_ipv6(PacketSocket& socket, std::uint32_t interface_index,
                           const Address& address, const MacAddress& mac, bool router);

}  // namespace shoal::net

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "net/address.h"

// What the kernel says in NETLINK_ROUTE messages, as values. Every function takes any bytes of any
// alignment: a message that is too short or of another kind yields nothing.

namespace shoal::net {

using Bytes = std::span<const std::byte>;

struct Link {
    std::uint32_t index = 0;
    std::string name;
    /// Unset where the link layer has no 6-byte addresses (tun, ipip).
    std::optional<MacAddress> mac;
    std::uint32_t mtu = 0;
    /// Set up by the administrator (IFF_UP).
    bool up = false;
    /// The link layer works (IFF_LOWER_UP).
    bool carrier = false;
    /// Neighbours have no link-layer address to resolve (IFF_NOARP).
    bool no_arp = false;
    /// "veth", "bridge", "vlan" ...; empty for hardware.
    std::string kind;
    /// Index of the bridge or bond this is a port of; 0: none.
    std::uint32_t master = 0;
    bool operator==(const Link&) const = default;
};

struct InterfaceAddress {
    Prefix address;
    std::uint32_t interface_index = 0;
    /// IPv4 only: the interface's name, or the alias "wan0:1".
    std::string label;
    /// Who put it there (IFA_PROTO, Linux 5.18); 0: not said.
    std::uint8_t protocol = 0;
    /// IPv4: another address of the same network is the primary one.
    bool secondary = false;
    bool operator==(const InterfaceAddress&) const = default;
};

/// Where packets for one destination go.
struct Route {
    /// The destination is an address of this host.
    bool local = false;
    std::uint32_t interface_index = 0;
    /// Unset: the destination is on the link. May be IPv6 for an IPv4 destination (RFC 5549).
    std::optional<Address> gateway;
    std::optional<Address> preferred_source;
    /// Where the route has one of its own, or path MTU discovery found one; else 0.
    std::uint32_t mtu = 0;
    bool operator==(const Route&) const = default;
};

struct Neighbour {
    std::uint32_t interface_index = 0;
    Address address;
    /// Set while the entry may be used: REACHABLE, STALE, DELAY, PROBE, PERMANENT, NOARP.
    std::optional<MacAddress> mac;
    /// NUD_* of <linux/neighbour.h>.
    std::uint16_t state = 0;
    bool operator==(const Neighbour&) const = default;
};

struct LinkChanged {
    Link link;
    bool removed = false;
    bool operator==(const LinkChanged&) const = default;
};
struct AddressChanged {
    InterfaceAddress address;
    bool removed = false;
    bool operator==(const AddressChanged&) const = default;
};
/// Some route, next hop object or policy rule; look up again whatever depends on routes.
struct RouteChanged {
    bool operator==(const RouteChanged&) const = default;
};
struct NeighbourChanged {
    Neighbour neighbour;
    bool removed = false;
    bool operator==(const NeighbourChanged&) const = default;
};
using NetlinkEvent = std::variant<LinkChanged, AddressChanged, RouteChanged, NeighbourChanged>;

/// The kernel's verdict on a request (NLMSG_ERROR, or the end of a dump).
struct Acknowledgement {
    /// An errno; 0: done.
    int error_number = 0;
    /// The kernel's own sentence (extended acknowledgement), often empty.
    std::string text;
    bool operator==(const Acknowledgement&) const = default;
};

/// Cuts a datagram into its messages, header included. Stops at the first broken one.
std::vector<Bytes> split_messages(Bytes datagram);
std::optional<Acknowledgement> parse_acknowledgement(Bytes message);
std::optional<NetlinkEvent> parse_event(Bytes message);
/// The answer to RTM_GETROUTE. Unset also for a route that leads nowhere (blackhole, unreachable).
std::optional<Route> parse_route(Bytes message);
/// The prefix length in an answer to RTM_GETROUTE; the address's own unless RTM_F_FIB_MATCH asked.
std::optional<unsigned> parse_route_length(Bytes message);
/// The interfaces that a route leads out by which a router advertised (RTPROT_RA); none of another
/// route.
std::vector<std::uint32_t> parse_advertised_route(Bytes message);

}  // namespace shoal::net

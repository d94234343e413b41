#include "net/netlink_messages.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace shoal::net {
namespace {

/// The value at the front of `bytes`; copied, since attributes are only 4-byte aligned.
template <class T>
std::optional<T> read(Bytes bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

Bytes from(Bytes bytes, std::size_t offset) {
    return bytes.subspan(std::min(offset, bytes.size()));
}

constexpr std::size_t aligned(std::size_t length) {
    return (length + 3) & ~std::size_t{3};
}

/// Calls `visit(type, payload)` for every whole attribute.
template <class F>
void for_each_attribute(Bytes bytes, F&& visit) {
    while (const auto header = read<nlattr>(bytes)) {
        if (header->nla_len < NLA_HDRLEN || header->nla_len > bytes.size()) return;
        const auto type = static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK);
        visit(type, bytes.subspan(NLA_HDRLEN, header->nla_len - std::size_t{NLA_HDRLEN}));
        bytes = from(bytes, aligned(header->nla_len));
    }
}

/// Up to the first NUL or the end of the attribute.
std::string text(Bytes payload) {
    std::string result;
    for (const auto byte : payload) {
        if (byte == std::byte{0}) break;
        result.push_back(static_cast<char>(byte));
    }
    return result;
}

std::optional<Address> read_address(int family, Bytes payload) {
    if (family == AF_INET) {
        const auto bits = read<std::uint32_t>(payload);
        return bits ? std::optional(Address::v4(*bits)) : std::nullopt;
    }
    if (family == AF_INET6) {
        const auto bytes = read<std::array<std::uint8_t, 16>>(payload);
        return bytes ? std::optional(Address::v6(*bytes)) : std::nullopt;
    }
    return std::nullopt;
}

std::optional<MacAddress> read_mac(Bytes payload) {
    if (payload.size() != sizeof(MacAddress::bytes)) return std::nullopt;
    MacAddress mac;
    std::memcpy(mac.bytes.data(), payload.data(), mac.bytes.size());
    return mac;
}

/// A message of a known kind: its fixed header and its attributes.
template <class Fixed>
struct Message {
    Fixed fixed;
    Bytes attributes;

    static std::optional<Message> read_from(Bytes message) {
        const auto payload = from(message, NLMSG_HDRLEN);
        const auto fixed = read<Fixed>(payload);
        if (!fixed) return std::nullopt;
        return Message{*fixed, from(payload, aligned(sizeof(Fixed)))};
    }
};

std::string read_kind(Bytes link_info) {
    std::string kind;
    for_each_attribute(link_info, [&](std::uint16_t type, Bytes payload) {
        if (type == IFLA_INFO_KIND) kind = text(payload);
    });
    return kind;
}

void read_link_attribute(Link& link, std::uint16_t type, Bytes payload) {
    switch (type) {
        case IFLA_IFNAME:
            link.name = text(payload);
            break;
        case IFLA_ADDRESS:
            link.mac = read_mac(payload);
            break;
        case IFLA_MTU:
            link.mtu = read<std::uint32_t>(payload).value_or(0);
            break;
        case IFLA_MASTER:
            link.master = read<std::uint32_t>(payload).value_or(0);
            break;
        case IFLA_LINKINFO:
            link.kind = read_kind(payload);
            break;
        default:
            break;
    }
}

std::optional<NetlinkEvent> parse_link(Bytes bytes, bool removed) {
    const auto message = Message<ifinfomsg>::read_from(bytes);
    // Bridges also tell of their ports, in family AF_BRIDGE; that a port left its bridge does not
    // mean that the link is gone.
    if (!message || message->fixed.ifi_family != AF_UNSPEC) return std::nullopt;
    Link link;
    link.index = static_cast<std::uint32_t>(message->fixed.ifi_index);
    link.up = (message->fixed.ifi_flags & IFF_UP) != 0;
    link.carrier = (message->fixed.ifi_flags & IFF_LOWER_UP) != 0;
    link.no_arp = (message->fixed.ifi_flags & IFF_NOARP) != 0;
    for_each_attribute(message->attributes, [&](std::uint16_t type, Bytes payload) {
        read_link_attribute(link, type, payload);
    });
    if (message->fixed.ifi_type != ARPHRD_ETHER) link.mac.reset();
    return LinkChanged{std::move(link), removed};
}

std::optional<NetlinkEvent> parse_address(Bytes bytes, bool removed) {
    const auto message = Message<ifaddrmsg>::read_from(bytes);
    if (!message) return std::nullopt;
    const auto family = message->fixed.ifa_family;
    // On a point-to-point link IFA_ADDRESS is the other end's; IPv6 has IFA_LOCAL only there.
    std::optional<Address> local;
    std::optional<Address> address;
    InterfaceAddress result;
    std::uint32_t flags = message->fixed.ifa_flags;
    for_each_attribute(message->attributes, [&](std::uint16_t type, Bytes payload) {
        switch (type) {
            case IFA_LOCAL:
                local = read_address(family, payload);
                break;
            case IFA_ADDRESS:
                address = read_address(family, payload);
                break;
            case IFA_LABEL:
                result.label = text(payload);
                break;
            case IFA_PROTO:
                result.protocol = read<std::uint8_t>(payload).value_or(0);
                break;
            case IFA_FLAGS:
                flags = read<std::uint32_t>(payload).value_or(flags);
                break;
            default:
                break;
        }
    });
    if (!local) local = address;
    if (!local || message->fixed.ifa_prefixlen > local->bit_length()) return std::nullopt;
    result.address = {*local, message->fixed.ifa_prefixlen};
    result.interface_index = message->fixed.ifa_index;
    result.secondary = family == AF_INET && (flags & IFA_F_SECONDARY) != 0;
    return AddressChanged{std::move(result), removed};
}

std::optional<NetlinkEvent> parse_neighbour(Bytes bytes, bool removed) {
    const auto message = Message<ndmsg>::read_from(bytes);
    if (!message) return std::nullopt;
    std::optional<Address> address;
    std::optional<MacAddress> mac;
    for_each_attribute(message->attributes, [&](std::uint16_t type, Bytes payload) {
        if (type == NDA_DST) address = read_address(message->fixed.ndm_family, payload);
        if (type == NDA_LLADDR) mac = read_mac(payload);
    });
    // Bridges' forwarding tables come in the same messages, without a network address.
    if (!address) return std::nullopt;
    constexpr int usable =
        NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
    const auto state = message->fixed.ndm_state;
    if (removed || (state & usable) == 0) mac.reset();
    const auto index = static_cast<std::uint32_t>(message->fixed.ndm_ifindex);
    return NeighbourChanged{{index, *address, mac, state}, removed};
}

/// RTA_VIA: a gateway of another family than the route's.
std::optional<Address> read_via(Bytes payload) {
    const auto family = read<std::uint16_t>(payload);
    return family ? read_address(*family, from(payload, sizeof *family)) : std::nullopt;
}

std::uint32_t read_mtu(Bytes metrics) {
    std::uint32_t mtu = 0;
    for_each_attribute(metrics, [&](std::uint16_t type, Bytes payload) {
        if (type == RTAX_MTU) mtu = read<std::uint32_t>(payload).value_or(0);
    });
    return mtu;
}

std::optional<std::uint16_t> message_type(Bytes message) {
    const auto header = read<nlmsghdr>(message);
    return header ? std::optional(header->nlmsg_type) : std::nullopt;
}

}  // namespace

std::vector<Bytes> split_messages(Bytes datagram) {
    std::vector<Bytes> messages;
    while (const auto header = read<nlmsghdr>(datagram)) {
        const std::size_t length = header->nlmsg_len;
        if (length < NLMSG_HDRLEN || length > datagram.size()) break;
        messages.push_back(datagram.first(length));
        datagram = from(datagram, aligned(length));
    }
    return messages;
}

std::optional<Acknowledgement> parse_acknowledgement(Bytes message) {
    const auto header = read<nlmsghdr>(message);
    if (!header || (header->nlmsg_type != NLMSG_ERROR && header->nlmsg_type != NLMSG_DONE)) {
        return std::nullopt;
    }
    const auto payload = from(message, NLMSG_HDRLEN);
    const auto error = read<int>(payload);
    if (!error) return std::nullopt;
    // Only values in the range of errno; -INT_MIN would overflow.
    Acknowledgement result{*error < 0 && *error >= -4095 ? -*error : 0, {}};
    if (*error != 0 && result.error_number == 0) result.error_number = EPROTO;
    if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return result;

    // An error quotes the request: all of it, or its header alone (NETLINK_CAP_ACK).
    std::size_t quoted = 0;
    if (header->nlmsg_type == NLMSG_ERROR) {
        const auto request = read<nlmsghdr>(from(payload, sizeof(int)));
        if (!request) return result;
        const bool capped = (header->nlmsg_flags & NLM_F_CAPPED) != 0;
        quoted = capped ? sizeof(nlmsghdr) : aligned(request->nlmsg_len);
    }
    for_each_attribute(from(payload, sizeof(int) + quoted), [&](std::uint16_t type, Bytes value) {
        if (type == NLMSGERR_ATTR_MSG) result.text = text(value);
    });
    return result;
}

std::optional<NetlinkEvent> parse_event(Bytes message) {
    const auto type = message_type(message);
    if (!type) return std::nullopt;
    switch (*type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return parse_link(message, *type == RTM_DELLINK);
        case RTM_NEWADDR:
        case RTM_DELADDR:
            return parse_address(message, *type == RTM_DELADDR);
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            return parse_neighbour(message, *type == RTM_DELNEIGH);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
        case RTM_NEWRULE:
        case RTM_DELRULE:
        case RTM_NEWNEXTHOP:
        case RTM_DELNEXTHOP:
            return RouteChanged{};
        default:
            return std::nullopt;
    }
}

std::optional<Route> parse_route(Bytes bytes) {
    if (message_type(bytes) != RTM_NEWROUTE) return std::nullopt;
    const auto message = Message<rtmsg>::read_from(bytes);
    if (!message) return std::nullopt;
    const auto family = message->fixed.rtm_family;
    const auto kind = message->fixed.rtm_type;
    if (kind != RTN_UNICAST && kind != RTN_LOCAL) return std::nullopt;
    Route route;
    route.local = kind == RTN_LOCAL;
    for_each_attribute(message->attributes, [&](std::uint16_t type, Bytes payload) {
        switch (type) {
            case RTA_OIF:
                route.interface_index = read<std::uint32_t>(payload).value_or(0);
                break;
            case RTA_GATEWAY:
                route.gateway = read_address(family, payload);
                break;
            case RTA_VIA:
                route.gateway = read_via(payload);
                break;
            case RTA_METRICS:
                route.mtu = read_mtu(payload);
                break;
            case RTA_PREFSRC:
                route.preferred_source = read_address(family, payload);
                break;
            default:
                break;
        }
    });
    if (route.interface_index == 0) return std::nullopt;
    return route;
}

std::optional<unsigned> parse_route_length(Bytes bytes) {
    if (message_type(bytes) != RTM_NEWROUTE) return std::nullopt;
    const auto message = Message<rtmsg>::read_from(bytes);
    if (!message) return std::nullopt;
    return message->fixed.rtm_dst_len;
}

namespace {

/// Of RTA_MULTIPATH: several routers advertise the same.
void read_interfaces(Bytes next_hops, std::vector<std::uint32_t>& interfaces) {
    while (const auto hop = read<rtnexthop>(next_hops)) {
        if (hop->rtnh_len < sizeof *hop || hop->rtnh_len > next_hops.size()) return;
        interfaces.push_back(static_cast<std::uint32_t>(hop->rtnh_ifindex));
        next_hops = from(next_hops, aligned(hop->rtnh_len));
    }
}

}  // namespace

std::vector<std::uint32_t> parse_advertised_route(Bytes bytes) {
    std::vector<std::uint32_t> interfaces;
    if (message_type(bytes) != RTM_NEWROUTE) return interfaces;
    const auto message = Message<rtmsg>::read_from(bytes);
    if (!message || message->fixed.rtm_protocol != RTPROT_RA) return interfaces;
    for_each_attribute(message->attributes, [&](std::uint16_t type, Bytes payload) {
        if (type == RTA_MULTIPATH) read_interfaces(payload, interfaces);
        if (type != RTA_OIF) return;
        if (const auto interface = read<std::uint32_t>(payload)) interfaces.push_back(*interface);
    });
    return interfaces;
}

}  // namespace shoal::net

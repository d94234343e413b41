#include "net/neighbour_discovery.h"

#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <cstring>

namespace shoal::net {
namespace {

using Ipv6Bytes = std::array<std::uint8_t, 16>;

constexpr Ipv6Bytes all_nodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};
// Ethernet's form of ff02::1 (RFC 2464, 7).
constexpr MacAddress all_nodes_mac{{0x33, 0x33, 0, 0, 0, 0x01}};
constexpr std::uint8_t flag_router = 0x80;
constexpr std::uint8_t flag_override = 0x20;

/// All fields in network byte order.
struct [[gnu::packed]] WireFrame {
    std::array<std::uint8_t, 6> destination_mac;
    std::array<std::uint8_t, 6> source_mac;
    std::uint16_t ether_type;

    std::uint32_t version;
    std::uint16_t payload_length;
    std::uint8_t next_header;
    std::uint8_t hop_limit;
    Ipv6Bytes source;
    Ipv6Bytes destination;

    std::uint8_t type;
    std::uint8_t code;
    std::uint16_t checksum;
    std::uint8_t flags;
    std::array<std::uint8_t, 3> reserved;
    Ipv6Bytes target;
    std::uint8_t option_type;
    /// In units of 8 bytes.
    std::uint8_t option_length;
    std::array<std::uint8_t, 6> target_mac;
};
static_assert(sizeof(WireFrame) == sizeof(AdvertisementFrame));

constexpr std::size_t addresses_offset = 14 + 8;
constexpr std::size_t icmp_length = 24 + 8;

/// Over the pseudo-header (addresses, length, protocol) and the message (RFC 8200, 8.1). The
/// addresses stand right before the message, so one run covers both.
std::uint16_t checksum(const AdvertisementFrame& frame) {
    std::uint32_t sum = icmp_length + IPPROTO_ICMPV6;
    for (auto at = addresses_offset; at < frame.size(); at += 2) {
        sum += std::to_integer<std::uint32_t>(frame[at]) << 8 |
               std::to_integer<std::uint32_t>(frame[at + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return htons(static_cast<std::uint16_t>(~sum));
}

}  // namespace

AdvertisementFrame unsolicited_advertisement(const Address& address, const MacAddress& mac,
                                             bool router) {
    WireFrame wire{.destination_mac = all_nodes_mac.bytes,
                   .source_mac = mac.bytes,
                   .ether_type = htons(ETH_P_IPV6),
                   .version = htonl(6U << 28),
                   .payload_length = htons(icmp_length),
                   .next_header = IPPROTO_ICMPV6,
                   .hop_limit = 255,
                   .source = address.bytes(),
                   .destination = all_nodes,
                   .type = ND_NEIGHBOR_ADVERT,
                   .code = 0,
                   .checksum = 0,
                   .flags = static_cast<std::uint8_t>(flag_override | (router ? flag_router : 0)),
                   .reserved = {},
                   .target = address.bytes(),
                   .option_type = ND_OPT_TARGET_LINKADDR,
                   .option_length = 1,
                   .target_mac = mac.bytes};
    AdvertisementFrame frame{};
    std::memcpy(frame.data(), &wire, sizeof wire);
    wire.checksum = checksum(frame);
    std::memcpy(frame.data(), &wire, sizeof wire);
    return frame;
}

Result<void> announce_ipv6(PacketSocket& socket, std::uint32_t interface_index,
                           const Address& address, const MacAddress& mac, bool router) {
    const auto frame = unsolicited_advertisement(address, mac, router);
    if (auto sent = socket.send(interface_index, frame); !sent) {
        return fail(sent.error().within("announcing " + address.to_string()));
    }
    return {};
}

}  // namespace shoal::net

#include "net/arp.h"

#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include <cstring>

namespace shoal::net {
namespace {

constexpr MacAddress broadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

/// RFC 826 over Ethernet; all fields in network byte order.
struct [[gnu::packed]] WireFrame {
    std::array<std::uint8_t, 6> destination;
    std::array<std::uint8_t, 6> source;
    std::uint16_t ether_type;
    std::uint16_t hardware_type;
    std::uint16_t protocol_type;
    std::uint8_t hardware_length;
    std::uint8_t protocol_length;
    std::uint16_t operation;
    std::array<std::uint8_t, 6> sender_mac;
    std::uint32_t sender_address;
    std::array<std::uint8_t, 6> target_mac;
    std::uint32_t target_address;
};
static_assert(sizeof(WireFrame) == 42);

ArpFrame frame(std::uint16_t operation, const Address& address, const MacAddress& mac,
               const MacAddress& target_mac) {
    const WireFrame wire{.destination = broadcast.bytes,
                         .source = mac.bytes,
                         .ether_type = htons(ETH_P_ARP),
                         .hardware_type = htons(ARPHRD_ETHER),
                         .protocol_type = htons(ETH_P_IP),
                         .hardware_length = sizeof mac.bytes,
                         .protocol_length = sizeof(std::uint32_t),
                         .operation = htons(operation),
                         .sender_mac = mac.bytes,
                         .sender_address = address.v4_bits(),
                         .target_mac = target_mac.bytes,
                         .target_address = address.v4_bits()};
    ArpFrame bytes{};
    std::memcpy(bytes.data(), &wire, sizeof wire);
    return bytes;
}

}  // namespace

ArpFrame gratuitous_arp_request(const Address& address, const MacAddress& mac) {
    return frame(ARPOP_REQUEST, address, mac, MacAddress{});
}

ArpFrame gratuitous_arp_reply(const Address& address, const MacAddress& mac) {
    return frame(ARPOP_REPLY, address, mac, mac);
}

Result<void> announce_ipv4(PacketSocket& socket, std::uint32_t interface_index,
                           const Address& address, const MacAddress& mac) {
    const std::array forms{gratuitous_arp_request(address, mac),
                           gratuitous_arp_reply(address, mac)};
    for (const auto& form : forms) {
        if (auto sent = socket.send(interface_index, form); !sent) {
            return fail(sent.error().within("announcing " + address.to_string()));
        }
    }
    return {};
}

}  // namespace shoal::net

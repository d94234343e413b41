#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// Ethernet frames for the tests of the packet path, composed from words with full checksums, so
// that expected packets never come out of the code under test.

namespace shoal::dataplane::testing {

using Bytes = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t ack = 0x10;

/// A TCP or UDP endpoint; the address of either family. The destination decides what the packet is.
struct Endpoint {
    std::string_view address;
    std::uint16_t port = 0;
};

class PacketBuilder {
  public:
    static PacketBuilder tcp(Endpoint from, Endpoint to, std::uint8_t flags);
    static PacketBuilder udp(Endpoint from, Endpoint to);
    /// An ICMP message, with its checksum: type, code, the header's second word, and what follows.
    /// Between IPv6 addresses: an ICMPv6 message.
    static PacketBuilder icmp(std::string_view from, std::string_view to, std::uint8_t type,
                              std::uint8_t code, std::uint32_t info, const Bytes& body);

    PacketBuilder& from(Endpoint endpoint);
    PacketBuilder& to(Endpoint endpoint);
    PacketBuilder& macs(const Mac& destination, const Mac& source);
    PacketBuilder& ether_type(std::uint16_t type);
    PacketBuilder& version(std::uint8_t version);
    /// Of IPv6: the hop limit.
    PacketBuilder& ttl(std::uint8_t ttl);
    /// The octet of type of service and congestion.
    PacketBuilder& dont_fragment();
    PacketBuilder& protocol(std::uint8_t protocol);
    PacketBuilder& tos(std::uint8_t tos);
    PacketBuilder& identification(std::uint16_t identification);
    /// What stands behind the IP header, instead of a TCP or UDP segment.
    PacketBuilder& body(Bytes body);
    /// A multiple of four bytes, at most 40.
    PacketBuilder& ip_options(Bytes options);
    /// Offset in units of eight bytes. Of IPv6: a fragment header behind the extension headers.
    PacketBuilder& fragment(std::uint16_t offset, bool more);
    /// Of IPv6: an extension header of this number, of a multiple of eight bytes; its first byte,
    /// the number of what follows, is filled in.
    PacketBuilder& extension(std::uint8_t number, Bytes header);
    PacketBuilder& payload(Bytes payload);
    /// UDP without a checksum.
    PacketBuilder& no_checksum();
    /// What the IP header claims, instead of the true length.
    PacketBuilder& total_length(std::uint16_t length);
    /// Cuts the finished frame.
    PacketBuilder& cut_to(std::size_t length);

    Bytes build() const;

  private:
    Bytes transport() const;
    Bytes ip_header(std::size_t transport_length) const;
    Bytes ipv6_header(std::size_t transport_length) const;
    bool is_v6() const { return destination_.size() == 16; }

    Mac destination_mac_{};
    Mac source_mac_{0x02, 0, 0, 0, 0, 0x01};
    std::optional<std::uint16_t> ether_type_;
    std::optional<std::uint8_t> version_;
    std::uint8_t tos_ = 0;
    std::uint8_t ttl_ = 64;
    std::uint8_t protocol_ = 6;
    std::uint8_t flags_ = 0;
    bool is_tcp_ = true;
    bool checksum_ = true;
    std::uint16_t identification_ = 0x1234;
    std::uint16_t fragment_ = 0;
    std::uint16_t total_length_ = 0;
    std::size_t cut_to_ = 0;
    Bytes source_;
    Bytes destination_;
    std::uint16_t source_port_ = 0;
    std::uint16_t destination_port_ = 0;
    Bytes options_;
    bool is_fragment_ = false;
    struct Extension {
        std::uint8_t number = 0;
        Bytes header;
    };
    std::vector<Extension> extensions_;
    std::optional<Bytes> body_;
    Bytes payload_{'s', 'h', 'o', 'a', 'l'};
};

/// The first bytes of the frame's IP packet, as an ICMP error quotes it.
Bytes quote(const Bytes& frame, std::size_t bytes);

/// The internet checksum of `data`, as the 16-bit number that is stored in network byte order.
std::uint16_t internet_checksum(const Bytes& data);

}  // namespace shoal::dataplane::testing

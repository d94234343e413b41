#include "health/echo_packet.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <cstring>

namespace shoal::health {

namespace {

// Type, code, checksum, identifier, sequence; then the token.
constexpr std::size_t header_size = 8;
constexpr std::size_t message_size = header_size + sizeof(std::uint64_t);
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;

std::uint8_t byte_at(std::string_view bytes, std::size_t offset) {
    return static_cast<std::uint8_t>(bytes[offset]);
}

std::uint16_t word_at(std::string_view bytes, std::size_t offset) {
    return static_cast<std::uint16_t>((byte_at(bytes, offset) << 8) | byte_at(bytes, offset + 1));
}

void put_word(std::string& message, std::size_t offset, std::uint16_t word) {
    message[offset] = static_cast<char>(word >> 8);
    message[offset + 1] = static_cast<char>(word & 0xff);
}

/// RFC 1071, of an even number of bytes.
std::uint16_t checksum(std::string_view bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        sum += word_at(bytes, i);
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    return static_cast<std::uint16_t>(~sum);
}

/// The IP header's payload, or nothing.
std::optional<std::string_view> payload_v4(std::string_view packet) {
    if (packet.size() < ipv4_header || byte_at(packet, 0) >> 4 != 4) return std::nullopt;
    const std::size_t size = (byte_at(packet, 0) & 0xfU) * 4;
    if (size < ipv4_header || packet.size() < size) return std::nullopt;
    return packet.substr(size);
}

/// `message` has at least its header.
EchoNews named_by(std::string_view message) {
    EchoNews news;
    news.identifier = word_at(message, 4);
    news.sequence = word_at(message, 6);
    if (message.size() >= message_size) {
        std::uint64_t token = 0;
        std::memcpy(&token, message.data() + header_size, sizeof token);
        news.token = token;
    }
    return news;
}

std::optional<EchoNews> reply(std::string_view message) {
    if (message.size() != message_size) return std::nullopt;
    auto news = named_by(message);
    news.is_reply = true;
    return news;
}

/// `quoted`: the IP packet an error is about, which may be cut behind the ICMP header.
std::optional<EchoNews> error_v4(std::string_view quoted) {
    const auto message = payload_v4(quoted);
    if (!message || message->size() < header_size) return std::nullopt;
    if (byte_at(quoted, 9) != IPPROTO_ICMP || byte_at(*message, 0) != ICMP_ECHO)
        return std::nullopt;
    auto news = named_by(*message);
    std::uint32_t to = 0;
    std::memcpy(&to, quoted.data() + 16, sizeof to);
    news.to = net::Address::v4(to);
    return news;
}

/// Ours have no extension headers.
std::optional<EchoNews> error_v6(std::string_view quoted) {
    if (quoted.size() < ipv6_header + header_size) return std::nullopt;
    const auto message = quoted.substr(ipv6_header);
    if (byte_at(quoted, 0) >> 4 != 6 || byte_at(quoted, 6) != IPPROTO_ICMPV6 ||
        byte_at(message, 0) != ICMP6_ECHO_REQUEST)
        return std::nullopt;
    auto news = named_by(message);
    std::array<std::uint8_t, 16> to{};
    std::memcpy(to.data(), quoted.data() + 24, to.size());
    news.to = net::Address::v6(to);
    return news;
}

}  // namespace

std::string echo_message(const EchoRequest& request) {
    const bool v6 = request.to.is_v6();
    std::string message(message_size, '\0');
    message[0] = static_cast<char>(v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
    put_word(message, 4, request.identifier);
    put_word(message, 6, request.sequence);
    std::memcpy(message.data() + header_size, &request.token, sizeof request.token);
    if (!v6) put_word(message, 2, checksum(message));
    return message;
}

std::optional<EchoNews> read_echo_v4(std::string_view packet) {
    const auto message = payload_v4(packet);
    if (!message || message->size() < header_size) return std::nullopt;
    switch (byte_at(*message, 0)) {
        case ICMP_ECHOREPLY:
            return reply(*message);
        case ICMP_UNREACH:
            return error_v4(message->substr(header_size));
        default:
            return std::nullopt;
    }
}

std::optional<EchoNews> read_echo_v6(std::string_view message) {
    if (message.size() < header_size) return std::nullopt;
    switch (byte_at(message, 0)) {
        case ICMP6_ECHO_REPLY:
            return reply(message);
        case ICMP6_DST_UNREACH:
            return error_v6(message.substr(header_size));
        default:
            return std::nullopt;
    }
}

}  // namespace shoal::health

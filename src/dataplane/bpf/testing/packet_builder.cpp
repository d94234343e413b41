#include "dataplane/bpf/testing/packet_builder.h"

#include <arpa/inet.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace shoal::dataplane::testing {
namespace {

void append16(Bytes& bytes, std::size_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

template <class Range>
void append(Bytes& bytes, const Range& range) {
    bytes.insert(bytes.end(), range.begin(), range.end());
}

void store16(Bytes& bytes, std::size_t offset, std::uint16_t value) {
    bytes.at(offset) = static_cast<std::uint8_t>(value >> 8);
    bytes.at(offset + 1) = static_cast<std::uint8_t>(value);
}

Bytes parse(std::string_view text) {
    const bool v6 = text.contains(':');
    Bytes address(v6 ? 16 : 4);
    if (inet_pton(v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), address.data()) != 1)
        throw std::invalid_argument("not an address: " + std::string(text));
    return address;
}

/// The sum over addresses, length, protocol and what they belong to.
std::uint16_t checksum_with_addresses(const Bytes& source, const Bytes& destination,
                                      std::uint8_t protocol, const Bytes& message) {
    Bytes summed;
    append(summed, source);
    append(summed, destination);
    append16(summed, protocol);
    append16(summed, message.size());
    append(summed, message);
    return internet_checksum(summed);
}

}  // namespace

std::uint16_t internet_checksum(const Bytes& data) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < data.size(); i += 2) {
        const unsigned low = i + 1 < data.size() ? data[i + 1] : 0;
        sum += static_cast<unsigned>(data[i]) << 8 | low;
    }
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

Bytes quote(const Bytes& frame, std::size_t bytes) {
    constexpr std::size_t ethernet = 14;
    return {frame.begin() + ethernet,
            frame.begin() + static_cast<std::ptrdiff_t>(ethernet + bytes)};
}

PacketBuilder PacketBuilder::tcp(Endpoint from, Endpoint to, std::uint8_t flags) {
    PacketBuilder builder;
    builder.flags_ = flags;
    return builder.from(from).to(to);
}

PacketBuilder PacketBuilder::udp(Endpoint from, Endpoint to) {
    PacketBuilder builder;
    builder.is_tcp_ = false;
    builder.protocol_ = 17;
    return builder.from(from).to(to);
}

PacketBuilder PacketBuilder::icmp(std::string_view from, std::string_view to, std::uint8_t type,
                                  std::uint8_t code, std::uint32_t info, const Bytes& body) {
    Bytes message{type, code, 0, 0};
    append16(message, info >> 16);
    append16(message, info);
    append(message, body);
    const bool v6 = to.contains(':');
    store16(message, 2,
            v6 ? checksum_with_addresses(parse(from), parse(to), 58, message)
               : internet_checksum(message));
    PacketBuilder builder;
    builder.protocol_ = v6 ? 58 : 1;
    return builder.from({from, 0}).to({to, 0}).body(message);
}

PacketBuilder& PacketBuilder::from(Endpoint endpoint) {
    source_ = parse(endpoint.address);
    source_port_ = endpoint.port;
    return *this;
}

PacketBuilder& PacketBuilder::to(Endpoint endpoint) {
    destination_ = parse(endpoint.address);
    destination_port_ = endpoint.port;
    return *this;
}

PacketBuilder& PacketBuilder::macs(const Mac& destination, const Mac& source) {
    destination_mac_ = destination;
    source_mac_ = source;
    return *this;
}

PacketBuilder& PacketBuilder::ether_type(std::uint16_t type) {
    ether_type_ = type;
    return *this;
}

PacketBuilder& PacketBuilder::version(std::uint8_t version) {
    version_ = version;
    return *this;
}

PacketBuilder& PacketBuilder::ttl(std::uint8_t ttl) {
    ttl_ = ttl;
    return *this;
}

PacketBuilder& PacketBuilder::protocol(std::uint8_t protocol) {
    protocol_ = protocol;
    return *this;
}

PacketBuilder& PacketBuilder::tos(std::uint8_t tos) {
    tos_ = tos;
    return *this;
}

PacketBuilder& PacketBuilder::identification(std::uint16_t identification) {
    identification_ = identification;
    return *this;
}

PacketBuilder& PacketBuilder::body(Bytes body) {
    body_ = std::move(body);
    return *this;
}

PacketBuilder& PacketBuilder::ip_options(Bytes options) {
    options_ = std::move(options);
    return *this;
}

PacketBuilder& PacketBuilder::fragment(std::uint16_t offset, bool more) {
    fragment_ = static_cast<std::uint16_t>(offset | (more ? 0x2000 : 0));
    is_fragment_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::extension(std::uint8_t number, Bytes header) {
    extensions_.push_back({number, std::move(header)});
    return *this;
}

PacketBuilder& PacketBuilder::dont_fragment() {
    fragment_ = 0x4000;
    return *this;
}

PacketBuilder& PacketBuilder::payload(Bytes payload) {
    payload_ = std::move(payload);
    return *this;
}

PacketBuilder& PacketBuilder::no_checksum() {
    checksum_ = false;
    return *this;
}

PacketBuilder& PacketBuilder::total_length(std::uint16_t length) {
    total_length_ = length;
    return *this;
}

PacketBuilder& PacketBuilder::cut_to(std::size_t length) {
    cut_to_ = length;
    return *this;
}

Bytes PacketBuilder::transport() const {
    if (body_) return *body_;
    Bytes header;
    append16(header, source_port_);
    append16(header, destination_port_);
    const std::size_t checksum_at = is_tcp_ ? 16 : 6;
    if (is_tcp_) {
        append(header, Bytes{0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags_, 0x10, 0, 0, 0, 0, 0});
    } else {
        append16(header, 8 + payload_.size());
        append16(header, 0);
    }
    append(header, payload_);
    if (!checksum_) return header;
    std::uint16_t checksum =
        checksum_with_addresses(source_, destination_, is_tcp_ ? 6 : 17, header);
    if (!is_tcp_ && checksum == 0) checksum = 0xffff;
    store16(header, checksum_at, checksum);
    return header;
}

Bytes PacketBuilder::ip_header(std::size_t transport_length) const {
    const std::size_t length = 20 + options_.size();
    Bytes header{static_cast<std::uint8_t>(version_.value_or(4) << 4 | length / 4), tos_};
    append16(header, total_length_ != 0 ? total_length_ : length + transport_length);
    append16(header, identification_);
    append16(header, fragment_);
    append(header, Bytes{ttl_, protocol_, 0, 0});
    append(header, source_);
    append(header, destination_);
    append(header, options_);
    store16(header, 10, internet_checksum(header));
    return header;
}

Bytes PacketBuilder::ipv6_header(std::size_t transport_length) const {
    auto chain = extensions_;
    if (is_fragment_) {
        Bytes header{0, 0};
        append16(header, static_cast<std::size_t>(fragment_ & 0x1fff) << 3 | fragment_ >> 13);
        append(header, Bytes{0, 0});
        append16(header, identification_);
        chain.push_back({44, header});
    }
    Bytes extensions;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        Bytes header = chain[i].header;
        header.at(0) = i + 1 < chain.size() ? chain[i + 1].number : protocol_;
        append(extensions, header);
    }
    const std::size_t length = extensions.size() + transport_length;
    Bytes header;
    append16(header, static_cast<std::size_t>(version_.value_or(6)) << 12 | tos_ << 4);
    append16(header, 0);
    append16(header, total_length_ != 0 ? total_length_ - 40U : length);
    append(header, Bytes{chain.empty() ? protocol_ : chain.front().number, ttl_});
    append(header, source_);
    append(header, destination_);
    append(header, extensions);
    return header;
}

Bytes PacketBuilder::build() const {
    const Bytes segment = transport();
    Bytes frame;
    append(frame, destination_mac_);
    append(frame, source_mac_);
    append16(frame, ether_type_.value_or(is_v6() ? 0x86dd : 0x0800));
    append(frame, is_v6() ? ipv6_header(segment.size()) : ip_header(segment.size()));
    append(frame, segment);
    if (cut_to_ != 0) frame.resize(cut_to_);
    return frame;
}

}  // namespace shoal::dataplane::testing

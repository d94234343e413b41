#include "net/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace shoal::net {

Result<Address> Address::parse(std::string_view text) {
    const std::string terminated(text);
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, bytes.data(), sizeof bits);
        return v4(bits);
    }
    if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return v6(bytes);
    return fail(fmt::format("\"{}\" is not an IP address", text));
}

Address Address::v4(std::uint32_t network_order) {
    Address address;
    std::memcpy(address.bytes_.data(), &network_order, sizeof network_order);
    return address;
}

Address Address::v6(const std::array<std::uint8_t, 16>& bytes) {
    Address address;
    address.bytes_ = bytes;
    address.v6_ = true;
    return address;
}

bool Address::is_loopback() const {
    static const auto v6 = *Address::parse("::1");
    return v6_ ? *this == v6 : bytes_[0] == 127;
}

std::uint32_t Address::v4_bits() const {
    std::uint32_t bits = 0;
    std::memcpy(&bits, bytes_.data(), sizeof bits);
    return bits;
}

std::string Address::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
    return text.data();
}

Result<Prefix> Prefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    auto address = Address::parse(text.substr(0, slash));
    if (!address) return fail(std::move(address.error()));
    Prefix prefix{*address, address->bit_length()};
    if (slash == std::string_view::npos) return prefix;

    const auto digits = text.substr(slash + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    if (!whole || prefix.length < 0 || prefix.length > address->bit_length()) {
        return fail(fmt::format("\"{}\" is not a prefix length from 0 to {}", digits,
                                address->bit_length()));
    }
    return prefix;
}

bool Prefix::contains(const Address& other) const {
    if (other.is_v6() != address.is_v6()) return false;
    for (int bit = 0; bit < length; bit += 8) {
        const int kept = std::min(8, length - bit);
        const auto mask = static_cast<std::uint8_t>(0xff00 >> kept);
        const auto byte = static_cast<std::size_t>(bit / 8);
        if (((address.bytes()[byte] ^ other.bytes()[byte]) & mask) != 0) return false;
    }
    return true;
}

std::string Prefix::to_string() const {
    return fmt::format("{}/{}", address.to_string(), length);
}

std::string MacAddress::to_string() const {
    return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

}  // namespace shoal::net

std::size_t std::hash<shoal::net::Address>::operator()(
    const shoal::net::Address& address) const noexcept {
    const auto& bytes = address.bytes();
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), address.is_v6() ? 16U : 4U});
}

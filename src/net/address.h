#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shoal::net {

/// An IPv4 or IPv6 address. IPv4 lies in the first four bytes, the rest is zero, so that the 16
/// bytes are also the form the BPF maps use. Network byte order.
class Address {
  public:
    Address() = default;

    /// "192.0.2.80" or "2001:db8::1"; no names, no ports, no prefix.
    static Result<Address> parse(std::string_view text);
    /// From `in_addr.s_addr`, network byte order.
    static Address v4(std::uint32_t network_order);
    static Address v6(const std::array<std::uint8_t, 16>& bytes);

    bool is_v6() const { return v6_; }
    /// 127.0.0.0/8 or ::1.
    bool is_loopback() const;
    /// Network byte order; only for IPv4.
    std::uint32_t v4_bits() const;
    const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    /// 32 or 128.
    int bit_length() const { return v6_ ? 128 : 32; }
    std::string to_string() const;

    auto operator<=>(const Address&) const = default;

  private:
    std::array<std::uint8_t, 16> bytes_{};
    bool v6_ = false;
};

/// An address with the length of its network, as "192.0.2.80/24". The host bits are kept.
struct Prefix {
    Address address;
    int length = 0;

    /// Without "/N" the length is that of a host: 32 or 128.
    static Result<Prefix> parse(std::string_view text);
    bool contains(const Address& other) const;
    std::string to_string() const;
    auto operator<=>(const Prefix&) const = default;
};

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    std::string to_string() const;
    auto operator<=>(const MacAddress&) const = default;
};

}  // namespace shoal::net

template <>
struct std::hash<shoal::net::Address> {
    std::size_t operator()(const shoal::net::Address& address) const noexcept;
};

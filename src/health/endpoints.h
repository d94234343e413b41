#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstring>

#include "net/address.h"

// Between our addresses and Asio's.

namespace shoal::health {

inline boost::asio::ip::address asio_address(const net::Address& address) {
    if (address.is_v6()) return boost::asio::ip::address_v6(address.bytes());
    boost::asio::ip::address_v4::bytes_type bytes;
    std::memcpy(bytes.data(), address.bytes().data(), bytes.size());
    return boost::asio::ip::address_v4(bytes);
}

inline net::Address address_of(const boost::asio::ip::address& address) {
    if (address.is_v6()) return net::Address::v6(address.to_v6().to_bytes());
    std::uint32_t bits = 0;
    const auto bytes = address.to_v4().to_bytes();
    std::memcpy(&bits, bytes.data(), sizeof bits);
    return net::Address::v4(bits);
}

}  // namespace shoal::health

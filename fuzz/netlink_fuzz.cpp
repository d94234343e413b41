// Any bytes as a datagram from NETLINK_ROUTE. The parsers must neither read beyond it nor hand out
// values that cannot be.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "net/netlink_messages.h"

namespace {

void check(const shoal::net::NetlinkEvent& event) {
    const auto* change = std::get_if<shoal::net::AddressChanged>(&event);
    if (change == nullptr) return;
    const auto& prefix = change->address.address;
    if (prefix.length < 0 || prefix.length > prefix.address.bit_length()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const shoal::net::Bytes datagram(reinterpret_cast<const std::byte*>(data), size);
    for (const auto message : shoal::net::split_messages(datagram)) {
        if (const auto event = shoal::net::parse_event(message)) check(*event);
        const auto route = shoal::net::parse_route(message);
        if (route && route->interface_index == 0) std::abort();
        if (shoal::net::parse_advertised_route(message).size() > size) std::abort();
        const auto answer = shoal::net::parse_acknowledgement(message);
        if (answer && answer->error_number < 0) std::abort();
    }
    return 0;
}

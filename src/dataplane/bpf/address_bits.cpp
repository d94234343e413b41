#include "dataplane/bpf/address_bits.h"

#include <memory>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/tables.h"

namespace shoal::dataplane {

namespace {

using Bits = __u64[SHOAL_FILTER_WORDS];

void set(Bits& bits, __u32 bit) {
    bits[bit / 64] |= 1ULL << (bit % 64);
}

bool is_set(const Bits& bits, __u32 bit) {
    return (bits[bit / 64] >> (bit % 64) & 1) != 0;
}

/// Of a removed real server.
bool goes_on(const Tables& tables, std::uint32_t index) {
    constexpr unsigned flags = SHOAL_SERVER_IN_USE | SHOAL_SERVER_KEPT;
    return (tables.servers[index].flags & (flags | SHOAL_SERVER_AVAILABLE)) == flags &&
           tables.counts(index) != 0;
}

bool expects_replies(const Tables& tables, std::uint32_t index) {
    const shoal_server& server = tables.servers[index];
    if ((server.flags & SHOAL_SERVER_IN_USE) == 0) return false;
    if ((server.flags & SHOAL_SERVER_AVAILABLE) != 0 && server.method == SHOAL_METHOD_NAT) {
        return true;
    }
    return tables.counts(index) != 0 &&
           is_set(tables.address_filter[0].real_bits, filter_bit(fold_address(server.address)));
}

void write_changed(Bits& now, const Bits& wanted) {
    for (std::size_t word = 0; word < SHOAL_FILTER_WORDS; ++word) {
        if (now[word] != wanted[word]) store_shared(now[word], wanted[word]);
    }
}

}  // namespace

void refresh_address_bits(const Tables& tables, const std::set<net::Address>& virtual_addresses) {
    const shoal_address_filter& now = tables.address_filter[0];
    const auto wanted = std::make_unique<shoal_address_filter>();
    for (const net::Address& address : virtual_addresses)
        set(wanted->virtual_bits, filter_bit(fold_address(address)));
    bool kept = false;
    for (std::uint32_t index = 0; index < tables.servers.size(); ++index) {
        kept = kept || goes_on(tables, index);
        if (!expects_replies(tables, index)) continue;
        set(wanted->real_bits, filter_bit(fold_address(tables.servers[index].address)));
    }
    for (std::size_t word = 0; kept && word < SHOAL_FILTER_WORDS; ++word)
        wanted->virtual_bits[word] |= now.virtual_bits[word];
    write_changed(tables.address_filter[0].virtual_bits, wanted->virtual_bits);
    write_changed(tables.address_filter[0].real_bits, wanted->real_bits);
}

}  // namespace shoal::dataplane

#pragma once

#include <set>

#include "abi.h"
#include "net/address.h"

namespace shoal::dataplane {

struct Tables;

/// The bit of an address in an address filter, by what it folds to.
constexpr __u32 filter_bit(__u32 folded) {
    return (folded * 0x9E3779B1U) >> 16;
}

/// Makes both bitmaps agree with where packets are sent to, `virtual_addresses`, and with the table
/// of real servers: call it before an entry becomes visible to packets and after it is gone. While
/// a removed real server, or one that is no longer reached by NAT, has connections, its bit stays;
/// where those go on, so do all virtual ones.
void refresh_address_bits(const Tables& tables, const std::set<net::Address>& virtual_addresses);

}  // namespace shoal::dataplane

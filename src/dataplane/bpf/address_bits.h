#pragma once

#include <memory>

#include "abi.h"

namespace shoal::dataplane {

struct Tables;

/// The bit of an IPv4 address (as loaded by the CPU) in an address filter.
constexpr __u32 filter_bit(__be32 address) {
    return (address * 0x9E3779B1U) >> 16;
}

/// Makes both bitmaps agree with the tables of virtual and real servers: call it before an entry
/// becomes visible to packets and after it is gone. A removed real server, or one that is no longer
/// reached by NAT, keeps its bit while it has connections.
void refresh_address_bits(const Tables& tables);

}  // namespace shoal::dataplane

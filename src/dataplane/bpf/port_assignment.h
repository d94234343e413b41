#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "dataplane/port_claims.h"

// Which virtual server gets the packets to which port of one endpoint. Pure.

namespace shoal::dataplane {

/// The ports whose first `length` bits are those of `port`.
struct PortPrefix {
    std::uint16_t port = 0;
    std::uint8_t length = 16;
    auto operator<=>(const PortPrefix&) const = default;
};

/// As the packet path asks: `exact` first, then the longest of `prefixes`, which are disjoint.
struct PortAssignment {
    std::map<std::uint16_t, std::uint32_t> exact;
    std::map<PortPrefix, std::uint32_t> prefixes;
    bool operator==(const PortAssignment&) const = default;
};

/// All claims are on one endpoint; those of one kind collide only where one service makes both.
PortAssignment assign_ports(std::span<const ServiceClaim> claims);

/// The fewest prefixes that make up the ports from `first` to `last`.
std::vector<PortPrefix> to_prefixes(std::uint16_t first, std::uint16_t last);

/// The ports that `service` has, as the fewest ranges, ascending.
std::vector<model::PortRange> ports_of(const PortAssignment& assignment, std::uint32_t service);

}  // namespace shoal::dataplane

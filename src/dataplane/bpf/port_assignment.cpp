#include "dataplane/bpf/port_assignment.h"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

namespace shoal::dataplane {

namespace {

constexpr std::uint32_t ports = 0x10000;

using Ranked = std::pair<ClaimKind, std::uint32_t>;

/// The claims on ranges as they begin and end, in the order of the ports.
struct Boundary {
    std::uint32_t port;
    bool begins;
    Ranked claim;
};

bool is_exact(const PortClaim& claim) {
    return claim.first == claim.last && claim.kind <= ClaimKind::ports;
}

struct Interval {
    std::uint32_t first;
    std::uint32_t end;
    Ranked owner;
};

/// Who has which ports where only ranges are looked at.
std::vector<Interval> assign_ranges(std::span<const ServiceClaim> claims) {
    std::vector<Boundary> boundaries;
    for (const auto& [service, claim] : claims) {
        if (is_exact(claim)) continue;
        boundaries.push_back({claim.first, true, {claim.kind, service}});
        boundaries.push_back({claim.last + 1U, false, {claim.kind, service}});
    }
    std::ranges::sort(boundaries, {}, &Boundary::port);
    std::vector<Interval> intervals;
    std::multiset<Ranked> open;
    std::uint32_t from = 0;
    for (const Boundary& boundary : boundaries) {
        if (boundary.port > from && !open.empty()) {
            const bool goes_on = !intervals.empty() && intervals.back().end == from &&
                                 intervals.back().owner == *open.begin();
            if (goes_on) {
                intervals.back().end = boundary.port;
            } else {
                intervals.push_back({from, boundary.port, *open.begin()});
            }
        }
        from = boundary.port;
        if (boundary.begins) {
            open.insert(boundary.claim);
        } else {
            open.erase(open.find(boundary.claim));
        }
    }
    return intervals;
}

/// Nothing where no range holds the port.
const Interval* find_interval(const std::vector<Interval>& intervals, std::uint32_t port) {
    const auto after = std::ranges::upper_bound(intervals, port, {}, &Interval::first);
    if (after == intervals.begin() || std::prev(after)->end <= port) return nullptr;
    return &*std::prev(after);
}

}  // namespace

std::vector<PortPrefix> to_prefixes(std::uint16_t first, std::uint16_t last) {
    std::vector<PortPrefix> prefixes;
    const std::uint32_t end = last + 1U;
    for (std::uint32_t port = first; port < end;) {
        std::uint32_t size = port == 0 ? ports : port & (~port + 1);
        size = std::min(size, std::bit_floor(end - port));
        prefixes.push_back({static_cast<std::uint16_t>(port),
                            static_cast<std::uint8_t>(16 - std::countr_zero(size))});
        port += size;
    }
    return prefixes;
}

PortAssignment assign_ports(std::span<const ServiceClaim> claims) {
    PortAssignment assignment;
    const auto intervals = assign_ranges(claims);
    std::map<std::uint16_t, Ranked> exact;
    for (const auto& [service, claim] : claims) {
        if (!is_exact(claim)) continue;
        const Ranked owner{claim.kind, service};
        const auto place = exact.try_emplace(claim.first, owner).first;
        place->second = std::min(place->second, owner);
    }
    for (const auto& [port, owner] : exact) {
        const Interval* range = find_interval(intervals, port);
        if (range == nullptr || owner < range->owner) assignment.exact[port] = owner.second;
    }
    for (const Interval& interval : intervals) {
        for (const PortPrefix& prefix : to_prefixes(static_cast<std::uint16_t>(interval.first),
                                                    static_cast<std::uint16_t>(interval.end - 1))) {
            assignment.prefixes[prefix] = interval.owner.second;
        }
    }
    return assignment;
}

std::vector<model::PortRange> ports_of(const PortAssignment& assignment, std::uint32_t service) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> intervals;
    for (const auto& [port, owner] : assignment.exact) {
        if (owner == service) intervals.emplace_back(port, port + 1U);
    }
    for (const auto& [prefix, owner] : assignment.prefixes) {
        if (owner == service) {
            intervals.emplace_back(prefix.port, prefix.port + (ports >> prefix.length));
        }
    }
    std::ranges::sort(intervals);
    std::vector<model::PortRange> ranges;
    std::uint32_t end = 0;
    for (const auto& [first, next] : intervals) {
        if (!ranges.empty() && first <= end) {
            end = std::max(end, next);
            ranges.back().last = static_cast<std::uint16_t>(end - 1);
        } else {
            end = next;
            ranges.emplace_back(static_cast<std::uint16_t>(first),
                                static_cast<std::uint16_t>(end - 1));
        }
    }
    if (ranges.size() == 1 && ranges[0] == model::PortRange(0, 0xffff)) return {model::PortRange()};
    return ranges;
}

}  // namespace shoal::dataplane

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "packet_bench.h"
#include "report.h"

// What is measured; every figure is nanoseconds per packet, the floor included.

namespace shoal::bench {

inline constexpr int repetitions = 7;

/// The pools whose cost of a new connection is measured, by their number of real servers.
inline constexpr std::array pool_sizes{1U, 3U, 16U, 256U, 1000U, 4096U};
/// The numbers of connections among which established packets choose at random.
inline constexpr std::array flow_counts{1U << 10, 1U << 14, 1U << 17, 1U << 20, 1U << 22};

/// The cases of the table at one hook, with 1 M connections in the table; `lines`: also the
/// other pool sizes.
class PacketCases {
  public:
    PacketCases(dataplane::testing::PacketPath& path, dataplane::testing::Hook hook, bool lines);
    void run(Figures& figures);

    /// Virtual servers of every pool size, for any number of PacketCases on the same path.
    static void add_services(dataplane::testing::PacketPath& path);

  private:
    Case make(const std::string& name, const dataplane::testing::Endpoint& from,
              const dataplane::testing::Endpoint& to, std::uint8_t flags,
              const std::string& verdict) const;
    Case new_connections(std::size_t pool) const;
    std::vector<Case> cases() const;
    double class_change();
    void establish();
    /// Ends every connection that is not one of the established ones, as if it had timed out, and
    /// gives its cell back.
    void expire() const;

    dataplane::testing::PacketPath& path_;
    dataplane::testing::Hook hook_;
    bool lines_;
    PacketBench bench_;
};

/// Established packets among each of flow_counts, in a table of 8 M cells.
void measure_established(Figures& figures);

/// Established packets by IPIP, of one connection and among 1 M.
void measure_tunnels(Figures& figures);

/// Established packets of IPv6: one connection by NAT and direct routing, by IPIP (IPv6 in IPv6)
/// one and among 1 M.
void measure_ipv6(Figures& figures);

/// A round of the sweeper over 1 M connections against plain reads of the same memory.
void measure_sweep(Figures& figures);

}  // namespace shoal::bench

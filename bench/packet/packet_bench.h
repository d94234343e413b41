#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/bpf/testing/packet_path.h"

struct packet_driver;

namespace shoal::bench {

/// Opens connections in another order than measured packets come in: cells are given out in the
/// order of opening, and walking them in that order would please the hardware's prefetching.
inline constexpr std::uint32_t opening_stride = 1;

/// What the driver runs: the packet path, or what is measured to compare it with.
enum class Target : std::uint8_t {
    packet_path,
    empty,
    encapsulation,  ///< at XDP: room for an IPv4 header, and a constant one
};

/// What is measured: a packet, how many flows it stands for, and how the program must end.
struct Case {
    std::string name;
    dataplane::testing::Bytes frame;
    bool ipv6 = false;
    std::uint32_t flows = 1;
    std::uint32_t runs = 1'000'000;
    /// From one flow to the next, odd, so that all are visited: in an order without locality.
    std::uint32_t stride = 0x9E3779B1;
    Target target = Target::packet_path;
    std::uint32_t expected_action = 0;
    /// What every packet must be counted as; empty: nothing is counted.
    std::string verdict;
    /// Before each repetition.
    std::function<void()> prepare;
};

/// Runs cases through the driver; every figure is nanoseconds per packet, the driver and the
/// test run's own loop included.
class PacketBench {
  public:
    /// At XDP the driver is attached to the loopback device: in a network namespace of one's own.
    PacketBench(dataplane::testing::PacketPath& path, dataplane::testing::Hook hook);
    ~PacketBench();
    PacketBench(const PacketBench&) = delete;
    PacketBench& operator=(const PacketBench&) = delete;

    /// One repetition. Throws std::runtime_error where the program ends otherwise than it must.
    double measure(const Case& measured);

    /// Nanoseconds for a BPF program that reads each cell of the connection table and does nothing
    /// else.
    double read_connections();

  private:
    void load_driver();
    void put_target(Target target);
    int program_of(Target target) const;
    void put_case(const Case& measured);
    std::uint64_t counted(const Case& measured) const;

    dataplane::testing::PacketPath& path_;
    dataplane::testing::Hook hook_;
    struct Deleter {
        void operator()(packet_driver* driver) const;
    };
    std::unique_ptr<packet_driver, Deleter> driver_;
};

}  // namespace shoal::bench

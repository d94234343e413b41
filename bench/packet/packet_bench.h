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

/// What is measured: a packet, how many flows it stands for, and how the program must end.
struct Case {
    std::string name;
    dataplane::testing::Bytes frame;
    std::uint32_t flows = 1;
    std::uint32_t runs = 1'000'000;
    bool empty_program = false;
    std::uint32_t expected_action = 0;
    /// Before each repetition.
    std::function<void()> prepare;
};

/// Runs cases through the driver; every figure is nanoseconds per packet, the driver and the
/// test run's own loop included.
class PacketBench {
  public:
    PacketBench(dataplane::testing::PacketPath& path, dataplane::testing::Hook hook);
    ~PacketBench();
    PacketBench(const PacketBench&) = delete;
    PacketBench& operator=(const PacketBench&) = delete;

    /// One repetition. Throws std::runtime_error where the program ends otherwise than it must.
    double measure(const Case& measured);

  private:
    void put_target(bool empty_program);

    dataplane::testing::PacketPath& path_;
    dataplane::testing::Hook hook_;
    struct Deleter {
        void operator()(packet_driver* driver) const;
    };
    std::unique_ptr<packet_driver, Deleter> driver_;
};

}  // namespace shoal::bench

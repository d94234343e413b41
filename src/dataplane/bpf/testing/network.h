#pragma once

#include <cstdint>
#include <string>

#include "dataplane/bpf/testing/packet_builder.h"

namespace shoal::dataplane::testing {

inline constexpr Mac client_mac{0x02, 0, 0, 0, 0, 0x30};

/// Moves the calling process into a network namespace of its own, with forwarding on and one device
/// that has 172.31.0.1/24 and 2001:db8:31::1/64, and back at its end. Test runs then see this
/// namespace's routes. Comes before the PacketPath.
class Network {
  public:
    Network();
    ~Network();
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    void add_route(const std::string& prefix, const std::string& gateway);
    /// Replaces an earlier one.
    void add_neighbour(const std::string& address, const Mac& mac);
    std::uint32_t device() const { return device_; }
    const Mac& mac() const { return mac_; }

  private:
    int before_ = -1;
    std::uint32_t device_ = 0;
    Mac mac_{0x02, 0, 0, 0, 0, 0x40};
};

}  // namespace shoal::dataplane::testing

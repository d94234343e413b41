#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Network devices of the calling thread's network namespace.

namespace shoal::dataplane {

struct Device {
    int index = 0;
    std::string name;
};

Result<Device> find_device(const std::string& name);
Result<std::vector<Device>> all_devices();

/// What ethtool calls the driver; empty for devices that do not say (the loopback device).
std::string driver_of(const std::string& device);
struct LinkProperties {
    std::array<std::uint8_t, 6> mac{};
    std::uint32_t mtu = 0;
};
/// Zeros where the device does not say.
LinkProperties properties_of(const std::string& device);

/// Drivers of network cards whose native XDP sends and redirects well.
bool has_good_native_xdp(std::string_view driver);

}  // namespace shoal::dataplane

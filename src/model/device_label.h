#pragma once

#include <string>

namespace shoal::model {

/// The device an address is put on: "wan0:1" is device "wan0" with the address label "wan0:1".
struct DeviceLabel {
    std::string device;
    /// The whole text, at most 15 characters; equal to `device` where no alias was given.
    std::string label;
    bool operator==(const DeviceLabel&) const = default;
};

}  // namespace shoal::model

#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "abi.h"
#include "dataplane/bpf/mapped_array.h"
#include "dataplane/bpf/xdp_features.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// The longest packet, in bytes, that a device takes from XDP; 0: it takes none, and whoever sends
/// there hears nothing of the loss. `native`: our own XDP program serves it.
std::uint32_t longest_from_xdp(XdpFeatures features, const std::string& driver, std::uint32_t mtu,
                               bool native);

/// Tells XDP of the hooked devices: whose frames are ours, and what it may send where. Packets for
/// other devices go up to tc.
class DeviceRecords {
  public:
    /// `records` outlives it.
    explicit DeviceRecords(const MappedArray<shoal_device>& records) : records_(records) {}

    /// Brings the records in line with the devices as they are now.
    void refresh(const std::map<std::string, Hook>& hooks) const;
    /// Everything goes up to tc from now on; before hooks change.
    void forget() const;

  private:
    const MappedArray<shoal_device>& records_;
};

}  // namespace shoal::dataplane

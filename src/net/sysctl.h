#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/state_file.h"

// Kernel settings below /proc/sys/net of the calling thread's network namespace. Names are written
// as sysctl(8) does: "net.ipv4.conf.wan0.rp_filter", where a dot in a device's name becomes a
// slash: "net.ipv4.conf.lan0/5.rp_filter" for the VLAN device lan0.5.

namespace shoal::net {

/// "net.ipv4.conf.<device>.<setting>"; the device may also be "all" or "default".
std::string ipv4_device_sysctl(std::string_view device, std::string_view setting);
std::string ipv6_device_sysctl(std::string_view device, std::string_view setting);

/// Unset where there is no such setting, for instance since the device is gone.
Result<std::optional<int>> read_sysctl(std::string_view name);
Result<void> write_sysctl(std::string_view name, int value);

/// Writes the value and remembers in `state` what was there before, for restore_sysctls(). A second
/// change of the same setting keeps the first "before".
Result<void> change_sysctl(const StateFile& state, std::string_view name, int value);
/// Puts back what change_sysctl() changed, last first, and forgets it. A setting that somebody has
/// changed since is left alone. On an error the rest is still put back, and what failed is kept.
Result<void> restore_sysctls(const StateFile& state);

/// A kernel setting that stands in a director's way.
struct WrongSysctl {
    std::string name;
    int value = 0;
    int wanted = 0;
    /// One sentence for the administrator.
    std::string why;
    /// Names of others that are to be right before this one is set: it would destroy what they
    /// keep.
    std::vector<std::string> after = {};
    bool operator==(const WrongSysctl&) const = default;
};

/// What a director does with its devices.
struct DirectorUse {
    /// Devices that carry virtual addresses.
    std::set<std::string> client_devices;
    /// Devices that real servers are reached by.
    std::set<std::string> server_devices;
    /// Some real server is reached by NAT; by direct routing or tunneling.
    bool nat = false;
    bool direct = false;
    /// Some IPv6 real server is reached by NAT; `nat` and `direct` are about IPv4.
    bool nat_v6 = false;
};

/// In the order in which to set them (ip_forward early: the kernel resets others with it). Devices
/// that do not exist are skipped.
Result<std::vector<WrongSysctl>> wrong_sysctls(const DirectorUse& use);

}  // namespace shoal::net

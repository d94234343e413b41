#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/device_label.h"
#include "net/address.h"

// How two or more directors stand in for each other: the values of [redundancy] and
// [[vrrp_instance]].

namespace shoal::model {

using std::chrono::milliseconds;

/// What holds for this director and its partner as a whole.
struct Redundancy {
    bool active = false;
    std::optional<net::Address> primary;
    std::optional<net::Address> primary_private;
    std::optional<net::Address> backup;
    std::optional<net::Address> backup_private;
    /// Between two heartbeats, in steps of 10 ms. How long silence lasts until the partner counts
    /// as dead follows from it (RFC 9568, 6.1: three of them and the skew).
    milliseconds interval{100};
    bool monitor_links = false;
    /// Connections are copied to the partner.
    bool sync_connections = false;
    std::optional<std::string> sync_device;
    /// IPVS's syncid.
    std::uint16_t sync_id = 0;
    /// Program and arguments.
    std::vector<std::string> activation_command;
    std::vector<std::string> deactivation_command;
    bool operator==(const Redundancy&) const = default;
};

struct VrrpAddress {
    net::Prefix address;
    /// Default: the instance's device, without a label.
    std::optional<DeviceLabel> device;
    bool operator==(const VrrpAddress&) const = default;
};

/// A device whose link an instance watches.
struct TrackedDevice {
    std::string name;
    /// What is added to the priority while the link is up, or, where negative, while it is down.
    /// 0: without the link the instance gives up its addresses.
    std::int32_t weight = 0;
    bool operator==(const TrackedDevice&) const = default;
};

/// A program whose exit status an instance watches.
struct TrackedCommand {
    std::string name;
    /// Program and arguments.
    std::vector<std::string> command;
    milliseconds interval{1'000};
    /// As of a tracked device; the program's exit status 0 is its link.
    std::int32_t weight = 0;
    bool operator==(const TrackedCommand&) const = default;
};

/// A virtual router of RFC 9568 (version 3) or RFC 3768 (version 2).
struct VrrpInstance {
    std::string name;
    std::string device;
    std::uint16_t router_id = 0;
    /// 255: this director owns the addresses.
    std::uint16_t priority = 100;
    std::uint16_t version = 3;
    /// Between two advertisements: of version 3 in steps of 10 ms, of version 2 whole seconds.
    milliseconds interval{1'000};
    bool preempt = true;
    milliseconds preempt_delay{};
    /// Packets to its addresses are taken although they are not this director's own.
    bool accept = true;
    bool virtual_mac = false;
    /// Of one family.
    std::vector<VrrpAddress> addresses;
    /// Of any family: they go along with the others, and advertisements do not name them.
    std::vector<VrrpAddress> unadvertised_addresses;
    /// Default: the first address of the device.
    std::optional<net::Address> source;
    /// Empty: advertisements go to the multicast group.
    std::vector<net::Address> unicast_peers;
    /// Instances of one group are active, or not, together.
    std::optional<std::string> group;
    std::vector<TrackedDevice> track_devices;
    std::vector<TrackedCommand> track_commands;
    /// Program and arguments.
    std::vector<std::string> notify_command;
    bool operator==(const VrrpInstance&) const = default;
};

}  // namespace shoal::model

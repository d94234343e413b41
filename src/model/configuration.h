#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/device_label.h"
#include "model/monitor.h"
#include "model/redundancy.h"
#include "net/address.h"

// The plain values of a configuration. What each setting means, its title, unit, range, default and
// legacy names stand once, in model/schema.h; a value here that came from a file has passed it.

namespace shoal::model {

// What the tables of the data plane hold at most (bpf/abi.h).
inline constexpr std::size_t max_virtual_servers = 16384;
inline constexpr std::size_t max_real_servers = 131072;
/// Real servers of one virtual server.
inline constexpr std::size_t max_pool = 4096;
/// With a scheduler that looks at all of them for each connection: lblc, lblcr, twos.
inline constexpr std::size_t max_linear_pool = 256;

enum class ForwardingMethod { nat, direct, tunnel };
/// What tunneling puts before a packet.
enum class TunnelType { ipip, gre, gue };
/// The UDP port of GUE (IANA) where none is set.
inline constexpr std::uint16_t default_tunnel_port = 6080;
struct Tunnel {
    TunnelType type = TunnelType::ipip;
    /// Of GUE; 0 with other types.
    std::uint16_t port = 0;
    bool operator==(const Tunnel&) const = default;
};
enum class Scheduler { rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos };
/// IPVS's scheduler flags, by their ipvsadm names.
enum class SchedulerFlag { sh_port, sh_fallback, mh_port, mh_fallback };
/// The primes that IPVS knows as sizes of mh's table.
inline constexpr std::array<std::uint32_t, 10> mh_table_sizes{251,  509,   1021,  2039,  4093,
                                                              8191, 16381, 32749, 65521, 131071};
enum class HookChoice { automatic, xdp, tc };
/// What becomes of a real server's place when its checks fail.
enum class OnFailure {
    remove,  /// it leaves the pool, its connections end
    drain,   /// it stays with weight 0: established connections go on
};
/// What becomes of the connections of a real server that was taken out of the configuration.
enum class RemovedConnections {
    end,   /// TCP: reset at the next packet; UDP: scheduled afresh
    keep,  /// they go on until they end by themselves
};

/// Ports from `first` to `last`, both included. {0, 0}: every port.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    constexpr PortRange() = default;
    /// One port, or all where it is 0. Implicit: most ranges are one port.
    constexpr PortRange(std::uint16_t port) : first(port), last(port) {}
    constexpr PortRange(std::uint16_t from, std::uint16_t to) : first(from), last(to) {}
    constexpr bool is_any() const { return first == 0 && last == 0; }
    constexpr bool is_single() const { return first == last && first != 0; }
    constexpr bool contains(std::uint16_t port) const {
        return is_any() || (first <= port && port <= last);
    }
    auto operator<=>(const PortRange&) const = default;
};

struct NatRouter {
    net::Prefix address;
    DeviceLabel device;
    bool operator==(const NatRouter&) const = default;
};

/// Idle times after which a connection is forgotten, per state (IPVS's names and defaults).
struct ConnectionTimeouts {
    milliseconds none{2'000};
    milliseconds established{900'000};
    milliseconds syn_sent{120'000};
    milliseconds syn_recv{60'000};
    milliseconds fin_wait{120'000};
    milliseconds time_wait{120'000};
    milliseconds close{10'000};
    milliseconds close_wait{60'000};
    milliseconds last_ack{30'000};
    milliseconds listen{120'000};
    milliseconds synack{120'000};
    milliseconds udp{300'000};
    bool operator==(const ConnectionTimeouts&) const = default;
};

struct Global {
    std::string name = "director";
    ForwardingMethod network_type = ForwardingMethod::nat;
    std::optional<NatRouter> nat_router;
    HookChoice hook = HookChoice::automatic;
    /// Cells of 64 bytes in the connection table, a power of two from 2^10 to 2^24. An IPv4
    /// connection takes one.
    std::uint32_t table_size = 1U << 20;
    bool manage_sysctl = false;
    /// IPVS's secure_tcp: the TCP states of a director under attack.
    bool secure_tcp = false;
    ConnectionTimeouts timeouts;
    bool operator==(const Global&) const = default;
};

/// How one network device is used; devices without an entry take the global hook.
struct Device {
    std::string name;
    HookChoice hook = HookChoice::automatic;
    bool operator==(const Device&) const = default;
};

struct RealServer {
    std::string name;
    net::Address address;
    /// Default: the virtual server's port.
    std::optional<std::uint16_t> port;
    std::uint32_t weight = 1;
    bool active = true;
    /// Default: the virtual server's network type.
    std::optional<ForwardingMethod> network_type;
    /// Defaults: the virtual server's.
    std::optional<TunnelType> tunnel_type;
    std::optional<std::uint16_t> tunnel_port;
    /// Connections (active and inactive) at which it gets no more; 0: no limit.
    std::uint32_t upper_threshold = 0;
    /// Connections below which it gets new ones again; 0: three quarters of the upper one.
    std::uint32_t lower_threshold = 0;
    MonitorOverride monitor{};
    bool operator==(const RealServer&) const = default;
};

/// Serves exactly while fewer real servers than the quorum are usable. Not checked.
struct SorryServer {
    net::Address address;
    /// Default: the virtual server's port.
    std::optional<std::uint16_t> port;
    /// Default: the virtual server's network type.
    std::optional<ForwardingMethod> network_type;
    bool operator==(const SorryServer&) const = default;
};

/// Leading bits of an address that count.
struct NetworkMask {
    std::uint8_t length = 32;
    bool operator==(const NetworkMask&) const = default;
};

/// A virtual server's settings of that name together, see persistence_of().
struct Persistence {
    milliseconds timeout{300'000};
    /// Leading bits of a client's address that count: 0 to 32, and 0 to 128.
    std::uint8_t netmask = 32;
    std::uint8_t netmask_v6 = 128;
    bool keep_quiesced = false;
    bool operator==(const Persistence&) const = default;
};

/// Packets that carry a firewall mark, without any firewall: several rules may set one mark.
struct MarkRule {
    std::uint32_t value = 0;
    net::Address address;
    Protocol protocol = Protocol::tcp;
    std::vector<PortRange> ports;
    bool operator==(const MarkRule&) const = default;
};

struct VirtualServer {
    std::string name;
    bool active = true;
    net::Prefix address;
    DeviceLabel device;
    Protocol protocol = Protocol::tcp;
    /// The service's ports. With a firewall mark it selects no packets: it is the one that is
    /// checked, or 0, and then it is the first port of the mark's rules.
    PortRange port = 80;
    /// Takes the packets of all [[mark]] rules of this value instead of those to `port`.
    std::optional<std::uint32_t> firewall_mark;
    Scheduler scheduler = Scheduler::wlc;
    std::vector<SchedulerFlag> scheduler_flags;
    /// Slots of mh's table, one of IPVS's primes.
    std::uint32_t mh_table_size = 4093;
    /// How long a client stays with its real server after its last connection began; unset: each
    /// connection is scheduled by itself.
    std::optional<milliseconds> persistence;
    /// Default: all bits.
    std::optional<NetworkMask> persistence_netmask;
    /// IPVS's old default: a client stays with its real server although that has weight 0.
    bool keep_quiesced_clients = false;
    /// Each datagram is scheduled on its own.
    bool one_packet = false;
    /// A real server that joins is not flooded: all count as freshly added.
    bool quiesce_server = false;
    OnFailure on_failure = OnFailure::remove;
    RemovedConnections removed_connections = RemovedConnections::end;
    std::optional<SorryServer> sorry_server;
    /// Clients that may open connections; empty: all. The longest prefix of both lists decides.
    std::vector<net::Prefix> allow;
    std::vector<net::Prefix> deny;
    std::optional<ForwardingMethod> network_type;
    /// Of its real servers behind tunnels and of the sorry server. Default: IPIP.
    std::optional<TunnelType> tunnel_type;
    /// Of GUE. Default: default_tunnel_port.
    std::optional<std::uint16_t> tunnel_port;
    milliseconds service_timeout{6'000};
    milliseconds reentry_time{15'000};
    /// Over which a real server that comes back reaches its weight; 0: at once.
    milliseconds slow_start{};
    /// A real server that fails again and again must answer longer each time: its re-entry time is
    /// doubled for each failure, up to this. 0: never.
    milliseconds flap_damping{};
    /// Usable real servers below which the virtual server has lost its quorum, and how many more it
    /// needs to regain it.
    std::uint32_t quorum = 1;
    std::uint32_t quorum_hysteresis = 0;
    Monitor monitor;
    LoadMonitor load_monitor;
    std::vector<RealServer> real_servers;
    bool operator==(const VirtualServer&) const = default;
};

struct Configuration {
    Global global;
    Redundancy redundancy;
    std::vector<VrrpInstance> vrrp_instances;
    std::vector<Device> devices;
    std::vector<MarkRule> marks;
    std::vector<VirtualServer> virtual_servers;
    std::vector<Notification> notifications;
    bool operator==(const Configuration&) const = default;
};

/// The forwarding method of one real server: its own, its virtual server's, or the global one.
ForwardingMethod forwarding_method(const Configuration& configuration, const VirtualServer& service,
                                   const RealServer& server);
/// Its own tunnel, or its virtual server's. As in a fresh one where `method` is none of tunneling.
Tunnel tunnel_of(ForwardingMethod method, const VirtualServer& service, const RealServer& server);
/// Where packets for the real server go: its own port or the virtual server's one. 0 where that has
/// several (any port, a range, a mark) and the packet's own stays.
std::uint16_t real_port(const VirtualServer& service, const RealServer& server);
/// Where the real server is checked: the monitor's port, its own, the virtual server's first, or
/// the first one of its mark's rules. 0: there is none.
std::uint16_t check_port(const Configuration& configuration, const VirtualServer& service,
                         const RealServer& server);
/// Unset: connections are scheduled one by one.
std::optional<Persistence> persistence_of(const VirtualServer& service);
/// With the sorry servers.
std::size_t count_real_servers(const Configuration& configuration);
/// How many real servers a virtual server with this scheduler may have.
std::size_t most_real_servers(Scheduler scheduler);
/// Its virtual server's, with what is different for it.
Monitor monitor_of(const VirtualServer& service, const RealServer& server);
milliseconds check_interval(const VirtualServer& service);
milliseconds check_timeout(const VirtualServer& service);
/// What is checked where the file has no [virtual_server.monitor]: HTTP for TCP port 80, as nanny
/// did, else the opening of the port.
Monitor default_monitor(Protocol protocol, std::uint16_t port);
HookChoice hook_of(const Configuration& configuration, const std::string& device);

}  // namespace shoal::model

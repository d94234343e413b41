#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/address.h"

// The plain values of a configuration. What each setting means, its title, unit, range, default and
// legacy names stand once, in model/schema.h; a value here that came from a file has passed it.

namespace shoal::model {

using std::chrono::milliseconds;

// What the tables of the data plane hold (bpf/abi.h).
inline constexpr std::size_t max_virtual_servers = 4096;
inline constexpr std::size_t max_real_servers = 16384;
/// Real servers of one virtual server.
inline constexpr std::size_t max_pool = 256;

enum class ForwardingMethod { nat, direct, tunnel };
enum class Protocol { tcp, udp };
enum class Scheduler { rr, wrr, lc, wlc };
enum class HookChoice { automatic, xdp, tc };

/// The device an address is put on: "wan0:1" is device "wan0" with the address label "wan0:1".
struct DeviceLabel {
    std::string device;
    /// The whole text, at most 15 characters; equal to `device` where no alias was given.
    std::string label;
    bool operator==(const DeviceLabel&) const = default;
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
    ConnectionTimeouts timeouts;
    bool operator==(const Global&) const = default;
};

/// How one network device is used; devices without an entry take the global hook.
struct Device {
    std::string name;
    HookChoice hook = HookChoice::automatic;
    bool operator==(const Device&) const = default;
};

/// Escapes are already resolved: `send` and `expect` hold the bytes of the exchange.
struct Monitor {
    /// Nothing is checked; the real server counts as up.
    bool enabled = true;
    /// Empty: nothing is sent.
    std::string send;
    /// What the answer must begin with; empty: opening the port is enough.
    std::string expect;
    /// Default: a third of the service timeout.
    std::optional<milliseconds> interval;
    /// Default: half the interval.
    std::optional<milliseconds> timeout;
    bool operator==(const Monitor&) const = default;
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
    bool operator==(const RealServer&) const = default;
};

struct VirtualServer {
    std::string name;
    bool active = true;
    net::Prefix address;
    DeviceLabel device;
    Protocol protocol = Protocol::tcp;
    std::uint16_t port = 80;
    Scheduler scheduler = Scheduler::wlc;
    std::optional<ForwardingMethod> network_type;
    milliseconds service_timeout{6'000};
    milliseconds reentry_time{15'000};
    Monitor monitor;
    std::vector<RealServer> real_servers;
    bool operator==(const VirtualServer&) const = default;
};

struct Configuration {
    Global global;
    std::vector<Device> devices;
    std::vector<VirtualServer> virtual_servers;
    bool operator==(const Configuration&) const = default;
};

/// The forwarding method of one real server: its own, its virtual server's, or the global one.
ForwardingMethod forwarding_method(const Configuration& configuration, const VirtualServer& service,
                                   const RealServer& server);
std::uint16_t real_port(const VirtualServer& service, const RealServer& server);
milliseconds check_interval(const VirtualServer& service);
milliseconds check_timeout(const VirtualServer& service);
/// What is checked where the file has no [virtual_server.monitor]: HTTP for TCP port 80, as nanny
/// did, else the opening of the port.
Monitor default_monitor(Protocol protocol, std::uint16_t port);
HookChoice hook_of(const Configuration& configuration, const std::string& device);

}  // namespace shoal::model

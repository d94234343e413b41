#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "net/netlink.h"

namespace shoal::net {

/// Where packets for a real server leave.
struct NextHop {
    /// 0: there is no route, or the address is this host's own.
    std::uint32_t interface_index = 0;
    /// The interface's own; zero where it has none (tun).
    MacAddress source_mac;
    /// The gateway, or the real server itself where it is on the link.
    Address gateway;
    /// Unset while the neighbour is unresolved.
    std::optional<MacAddress> mac;
    /// The address is this host's own.
    bool local = false;
    /// Of the route, or else of the interface; 0: not known.
    std::uint32_t mtu = 0;
    /// What this host's own packets to the real server carry.
    std::optional<Address> source{};
    bool operator==(const NextHop&) const = default;
};

/// Keeps the next hops of the real servers as the kernel's routes and neighbours have them. The
/// owner passes on the events of a NetlinkEvents. A neighbour that is unknown is resolved by the
/// kernel on our request, once per loss, so that the first connection need not wait for ARP.
class NextHops {
  public:
    /// Called after the state here is consistent; it may call anything but track(), handle() and
    /// reload().
    using Changed = std::function<void(const Address& real_server, const NextHop& hop)>;

    /// `netlink` must outlive this object.
    NextHops(Netlink& netlink, Changed changed);

    /// From now on exactly these. `changed` is called for each new one, whether there is a route or
    /// not. On an error what could be read is there; reload() tries again.
    Result<void> track(const std::set<Address>& real_servers);
    /// Looks up afresh what the events concern. Errors as in track().
    Result<void> handle(std::span<const NetlinkEvent> events);
    /// Looks up everything afresh: after NetlinkEvents::Handlers::lost, and as a self-check.
    Result<void> reload();

    /// Unset for an address that is not tracked.
    std::optional<NextHop> find(const Address& real_server) const;
    /// Names of the devices that packets for real servers leave by. A server's device stays among
    /// them when its route vanishes or gives way to the default route, as in a link flap, until the
    /// server has a route of its own by another device, or the device no longer exists: replies on
    /// their way would otherwise find no NAT.
    std::set<std::string> interfaces() const;

  private:
    enum class Resolve { no, yes };
    struct Stale {
        bool all = false;
        std::set<std::uint32_t> interfaces;
        /// Interface and gateway. True where the kernel dropped the entry.
        std::map<std::pair<std::uint32_t, Address>, bool> neighbours;
    };

    Result<void> read_links();
    void note(const NetlinkEvent& event, Stale& stale);
    Result<void> refresh(const std::vector<std::pair<Address, Resolve>>& real_servers);
    Result<NextHop> look_up(const Address& real_server, Resolve resolve);
    void remember_interface(const Address& real_server, std::uint32_t interface_index);
    std::optional<std::string> name_of(std::uint32_t interface_index) const;

    Netlink& netlink_;
    Changed changed_;
    std::map<std::uint32_t, Link> links_;
    /// Unset until first looked up.
    std::map<Address, std::optional<NextHop>> hops_;
    /// The last interface by a route of the server's own; that of the default route for a server
    /// that never had one.
    std::map<Address, std::uint32_t> remembered_;
};

}  // namespace shoal::net

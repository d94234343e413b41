#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "net/netlink_messages.h"

struct mnl_socket;
struct nlmsghdr;

namespace shoal::net {

/// What to add to or remove from an interface.
struct AddressRequest {
    Prefix address;
    std::uint32_t interface_index = 0;
    /// IPv4 only, at most 15 characters; empty: the interface's name.
    std::string label;
    /// IFA_PROTO, marks the owner; 0: not said.
    std::uint8_t protocol = 0;
};

/// Questions and orders to the kernel's NETLINK_ROUTE. The kernel answers within the call, so
/// nothing here waits. Errors carry the kernel's own explanation where it gives one. Works in the
/// network namespace of the thread that called open().
class Netlink {
  public:
    static Result<Netlink> open();

    Result<std::vector<Link>> links();
    /// An error where there is no such link.
    Result<Link> link(const std::string& name);
    /// Of both families.
    Result<std::vector<InterfaceAddress>> addresses();
    /// Of both families, without bridges' forwarding tables.
    Result<std::vector<Neighbour>> neighbours();
    /// The kernel's choice for a packet of ours; unset where there is no route.
    Result<std::optional<Route>> route(const Address& destination);
    /// The prefix length of the route that route() finds. 0: the default route, or none.
    Result<unsigned> route_length(const Address& destination);
    /// The interfaces of the IPv6 routes that routers advertised.
    Result<std::set<std::uint32_t>> advertised_route_interfaces();
    /// Unset where the kernel has no entry.
    Result<std::optional<Neighbour>> neighbour(std::uint32_t interface_index,
                                               const Address& address);
    /// IPv6 addresses are added without duplicate address detection.
    Result<void> add_address(const AddressRequest& request);
    /// The address, its prefix length and its label must agree. Success where it is gone already.
    Result<void> remove_address(const AddressRequest& request);
    /// Lets the kernel resolve or confirm a neighbour as if a packet for it were waiting.
    Result<void> resolve_neighbour(std::uint32_t interface_index, const Address& address);

  private:
    struct CloseSocket {
        void operator()(mnl_socket* socket) const;
    };
    using Visit = std::function<void(Bytes)>;

    explicit Netlink(mnl_socket* socket);
    /// Sends one request and hands every answer to `visit` until the kernel's verdict.
    Result<Acknowledgement> exchange(nlmsghdr* request, const Visit& visit);
    Result<Acknowledgement> receive(std::uint32_t sequence, const Visit& visit);
    /// The error of `exchange` and the kernel's refusal in one.
    Result<void> order(nlmsghdr* request, const std::string& doing);
    /// No route is no error, and nothing for `visit`.
    Result<void> look_up_route(const Address& destination, unsigned flags, const Visit& visit);
    template <class Event, class F>
    Result<void> dump(std::uint16_t type, unsigned char family, const std::string& doing, F&& take);

    std::unique_ptr<mnl_socket, CloseSocket> socket_;
    std::uint32_t sequence_ = 0;
    std::vector<std::byte> buffer_;
};

}  // namespace shoal::net

#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"
#include "model/configuration.h"
#include "net/address.h"

namespace shoal::dataplane {

/// How clients' packets come to a real server that must accept the virtual address itself.
struct ClientWay {
    /// Of the real server's family.
    net::Address virtual_address;
    /// Direct routing or tunneling.
    model::ForwardingMethod method = model::ForwardingMethod::direct;
    /// Under tunneling.
    model::Tunnel tunnel{};
    bool operator==(const ClientWay&) const = default;
};

/// Where checks to virtual addresses leave and their answers come in.
struct CheckPlaces {
    /// Devices that real servers are reached by, by name.
    std::set<std::string> devices;
    /// Families of the virtual addresses; none: there are no such checks.
    bool ipv4 = false;
    bool ipv6 = false;

    bool any() const { return ipv4 || ipv6; }
};

/// Lets checks go to a virtual address, which is the director's own: a socket that asks the real
/// server at its own address has its packets sent to the virtual one, as clients' packets come.
class CheckWays {
  public:
    virtual ~CheckWays() = default;

    /// Serves these places and no others. Repairs what somebody else took away, and removes what an
    /// earlier process left. What could be done is done where an error is returned.
    virtual Result<void> serve(const CheckPlaces& places) = 0;
    /// From now on, what this TCP or UDP socket sends to `real_server` goes to the virtual address.
    /// Comes before the socket is connected. Returns what to end it by, above 0.
    virtual Result<std::uint64_t> lead(int socket, const net::Address& real_server,
                                       const ClientWay& way) = 0;
    /// Comes after the socket was closed, so that its last packet goes the same way. Returns how
    /// many packets went to the virtual address: where there were none, the check has asked nobody
    /// there.
    virtual std::uint64_t end(std::uint64_t lead) = 0;
};

}  // namespace shoal::dataplane

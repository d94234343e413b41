#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/configuration.h"
#include "net/address.h"
#include "net/netlink.h"
#include "net/packet_socket.h"
#include "net/state_file.h"

namespace shoal::redundancy {

/// An address that the director owns: a virtual address or the NAT router's.
struct FloatingAddress {
    net::Prefix address;
    model::DeviceLabel device;
    bool operator==(const FloatingAddress&) const = default;
};

/// Puts floating addresses on their devices under their labels and takes them off again. Ours are
/// those with address protocol `protocol_number` (IFA_PROTO, Linux 5.18): the kernel remembers
/// which they are, shoald need not, and an administrator's addresses are never touched.
class FloatingAddresses {
  public:
    /// Shown by `ip address` as "proto 0x53".
    static constexpr std::uint8_t protocol_number = 0x53;

    /// `state_file` remembers the sysctls that add() changed, so that withdraw() of a later process
    /// can put them back, and the labels of IPv6 addresses, which the kernel does not keep.
    explicit FloatingAddresses(std::string state_file);

    /// Ours, as the kernel has them now, and those of `wanted` that the administrator put on their
    /// device himself (whatever prefix or label): add() leaves these alone.
    Result<std::vector<FloatingAddress>> observe(const std::vector<FloatingAddress>& wanted = {});
    /// Sets promote_secondaries on the device first, reads the address back and announces it. An
    /// address that the administrator put there himself stays his and is not an error. One of ours
    /// that stands on the device with another prefix or label must be removed first.
    Result<void> add(const FloatingAddress& address);
    /// Success where it is gone already or the administrator's. Other addresses of its network
    /// stay.
    Result<void> remove(const FloatingAddress& address);
    /// Tells the neighbours once by gratuitous ARP in request and reply form (IPv6: an unsolicited
    /// neighbour advertisement). Frames get lost: repeat it after a takeover, and announce again
    /// when the device's link comes back.
    Result<void> announce(const FloatingAddress& address);
    /// Removes all of ours and puts the sysctls back: every one that change_sysctl() noted in the
    /// state file, whoever called it. Goes on after an error and returns the first.
    Result<void> withdraw();

  private:
    Result<void> insert(net::Netlink& netlink, const net::Link& link,
                        const FloatingAddress& address);
    Result<void> announce_from(const net::Link& link, const FloatingAddress& address);
    /// Opened when first needed.
    Result<net::PacketSocket*> packet_socket();
    /// Without it the kernel removes the other addresses of a network together with its first.
    Result<void> promote_secondaries(const std::string& device);
    Result<void> remember_label(const FloatingAddress& address);
    Result<void> forget_label(const FloatingAddress& address);

    net::StateFile state_;
    std::optional<net::PacketSocket> packet_socket_;
};

}  // namespace shoal::redundancy

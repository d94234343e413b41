#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"

namespace shoal::ipvs {

/// A connection as both directors list it, with everything that both can know.
struct ListedConnection {
    model::Protocol protocol = model::Protocol::tcp;
    net::Address client;
    std::uint16_t client_port = 0;
    net::Address virtual_address;
    std::uint16_t virtual_port = 0;
    net::Address real_address;
    std::uint16_t real_port = 0;
    std::string state;
    /// Seconds until it is forgotten.
    std::int64_t expires_in_s = 0;
    auto operator<=>(const ListedConnection&) const = default;
};

/// A persistence template: which real server a client's connections go to.
struct ListedTemplate {
    /// Without the bits that the netmask leaves out.
    net::Address client;
    net::Address real_address;
    /// Seconds until it is forgotten.
    std::int64_t expires_in_s = 0;
    auto operator<=>(const ListedTemplate&) const = default;
};

struct ListedServer {
    dataplane::ServerKey key;
    std::uint32_t weight = 0;
    std::uint32_t active = 0;
    std::uint32_t inactive = 0;
    bool operator==(const ListedServer&) const = default;
};
void PrintTo(const ListedServer& server, std::ostream* out);

bool lies_in(std::span<const net::Prefix> prefixes, const net::Address& address);

/// The kernel's own IPVS in the network namespace of the caller: configured by the socket options
/// that ipvsadm used before there was generic netlink, read from /proc. Throws std::runtime_error
/// where the kernel refuses.
class KernelIpvs {
  public:
    /// Operations that concern the virtual servers alone.
    void apply(std::span<const dataplane::Operation> operations) const;
    /// In list order, newest first.
    std::vector<ListedServer> servers(const dataplane::ServiceKey& service) const;
    /// Of these virtual addresses, without templates; sorted.
    std::vector<ListedConnection> connections(std::span<const net::Prefix> virtual_addresses) const;
    /// Sorted; those that are still in force.
    std::vector<ListedTemplate> templates(const dataplane::ServiceKey& service) const;
};

}  // namespace shoal::ipvs

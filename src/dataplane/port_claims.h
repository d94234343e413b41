#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// Where packets are addressed to, without the port.
struct Endpoint {
    model::Protocol protocol = model::Protocol::tcp;
    net::Address address;
    auto operator<=>(const Endpoint&) const = default;
};

/// Why a virtual server wants a port; of two that want one, the earlier of these has it.
enum class ClaimKind {
    mark,      ///< its firewall mark names the port
    ports,     ///< its own port or range of ports
    ftp_data,  ///< persistent TCP service on port 21: FTP's data connections (IPVS's rule)
    any_port,  ///< it takes what nobody else wants
};

/// Ports from `first` to `last`, both included.
struct PortClaim {
    Endpoint endpoint;
    ClaimKind kind = ClaimKind::ports;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    auto operator<=>(const PortClaim&) const = default;
};

std::vector<PortClaim> claims_of(const ServiceKey& key, const ServiceOptions& options);

/// Of two virtual servers: neither goes before the other, so they cannot both exist.
bool collide(const PortClaim& one, const PortClaim& other);

/// A virtual server, by a number of its own, and what it wants.
struct ServiceClaim {
    std::uint32_t service = 0;
    PortClaim claim;
    bool operator==(const ServiceClaim&) const = default;
};

/// The claims of all virtual servers.
class ClaimBook {
  public:
    /// In place of what the virtual server claimed before; empty: it is gone.
    void put(std::uint32_t service, const std::vector<PortClaim>& claims);
    /// One that has a port that `service` must not have, not counting those that leave.
    std::optional<std::uint32_t> find_rival(
        std::uint32_t service, const std::vector<PortClaim>& claims,
        const std::function<bool(std::uint32_t service)>& leaves) const;
    /// By the numbers of their virtual servers.
    const std::vector<ServiceClaim>& at(const Endpoint& endpoint) const;
    std::vector<PortClaim> of(std::uint32_t service) const;

  private:
    std::map<Endpoint, std::vector<ServiceClaim>> by_endpoint_;
    std::map<std::uint32_t, std::vector<PortClaim>> by_service_;
};

/// The refusal of a virtual server that collides with another.
Error collision(const ServiceKey& wanted, const ServiceKey& rival);

}  // namespace shoal::dataplane

#include "dataplane/port_claims.h"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::dataplane {

namespace {

constexpr std::uint16_t highest_port = 0xffff;
constexpr std::uint16_t ftp_control_port = 21;
constexpr std::uint16_t ftp_active_port = 20;
constexpr std::uint16_t first_unprivileged_port = 1024;

PortClaim claim(const Endpoint& endpoint, ClaimKind kind, const model::PortRange& ports) {
    if (ports.is_any()) return {endpoint, kind, 0, highest_port};
    return {endpoint, kind, ports.first, ports.last};
}

bool is_persistent_ftp(const ServiceKey& key, const ServiceOptions& options) {
    return key.protocol == model::Protocol::tcp && key.port.is_single() &&
           key.port.first == ftp_control_port && options.persistence;
}

}  // namespace

std::vector<PortClaim> claims_of(const ServiceKey& key, const ServiceOptions& options) {
    std::vector<PortClaim> claims;
    if (key.mark != 0) {
        for (const MarkMatch& match : options.matches) {
            claims.push_back(claim({match.protocol, match.address}, ClaimKind::mark, match.port));
        }
        return claims;
    }
    const Endpoint endpoint{key.protocol, key.address};
    claims.push_back(
        claim(endpoint, key.port.is_any() ? ClaimKind::any_port : ClaimKind::ports, key.port));
    if (is_persistent_ftp(key, options)) {
        claims.push_back(claim(endpoint, ClaimKind::ftp_data, ftp_active_port));
        claims.push_back(
            claim(endpoint, ClaimKind::ftp_data, {first_unprivileged_port, highest_port}));
    }
    return claims;
}

bool collide(const PortClaim& one, const PortClaim& other) {
    return one.endpoint == other.endpoint && one.kind == other.kind && one.first <= other.last &&
           other.first <= one.last;
}

void ClaimBook::put(std::uint32_t service, const std::vector<PortClaim>& claims) {
    for (const PortClaim& former : by_service_[service]) {
        const auto place = by_endpoint_.find(former.endpoint);
        if (place == by_endpoint_.end()) continue;
        std::erase_if(place->second,
                      [&](const ServiceClaim& claim) { return claim.service == service; });
        if (place->second.empty()) by_endpoint_.erase(place);
    }
    by_service_[service] = claims;
    for (const PortClaim& claim : claims) {
        auto& list = by_endpoint_[claim.endpoint];
        const auto place = std::ranges::upper_bound(list, service, {}, &ServiceClaim::service);
        list.insert(place, {service, claim});
    }
    if (claims.empty()) by_service_.erase(service);
}

std::optional<std::uint32_t> ClaimBook::find_rival(
    std::uint32_t service, const std::vector<PortClaim>& claims,
    const std::function<bool(std::uint32_t service)>& leaves) const {
    for (const PortClaim& claim : claims) {
        for (const ServiceClaim& other : at(claim.endpoint)) {
            if (other.service != service && collide(claim, other.claim) && !leaves(other.service)) {
                return other.service;
            }
        }
    }
    return std::nullopt;
}

const std::vector<ServiceClaim>& ClaimBook::at(const Endpoint& endpoint) const {
    static const std::vector<ServiceClaim> none;
    const auto found = by_endpoint_.find(endpoint);
    return found == by_endpoint_.end() ? none : found->second;
}

std::vector<PortClaim> ClaimBook::of(std::uint32_t service) const {
    const auto found = by_service_.find(service);
    return found == by_service_.end() ? std::vector<PortClaim>{} : found->second;
}

Error collision(const ServiceKey& wanted, const ServiceKey& rival) {
    return {fmt::format("{} would take ports that {} has", wanted.to_string(), rival.to_string())};
}

}  // namespace shoal::dataplane

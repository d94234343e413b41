#include "dataplane/bpf/nat_origins.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/bpf/map_entries.h"

namespace shoal::dataplane {

namespace {

bool has_one_port(const shoal_service& service) {
    return service.key.mark == 0 && service.key.port != 0 &&
           (service.last_port == 0 || service.last_port == service.key.port);
}

}  // namespace

shoal_origin_key NatOrigins::to_map(const Key& key) {
    shoal_origin_key entry{};
    const auto& [address, port, protocol] = key;
    std::ranges::copy(address.first, &entry.address[0]);
    entry.port = port;
    entry.protocol = protocol;
    entry.family = address.second;
    return entry;
}

Result<void> NatOrigins::load() {
    return for_each_entry<shoal_origin_key, shoal_origin>(
        tables_->fd("nat_origins"), [&](const shoal_origin_key& key, const shoal_origin& origin) {
            held_[{{std::to_array(key.address), key.family}, key.port, key.protocol}] = {
                origin.service, origin.server};
        });
}

void NatOrigins::set(std::uint32_t service, std::span<const PoolMember> members) {
    claims_.erase(service);
    add(service, members);
}

void NatOrigins::add(std::uint32_t service, std::span<const PoolMember> members) {
    const shoal_service& record = tables_->services[service];
    const bool one_port = has_one_port(record);
    for (const PoolMember& member : members) {
        const shoal_server& server = tables_->servers[member.server];
        if (server.method != SHOAL_METHOD_NAT) continue;
        // Of a mark's virtual server the ports and protocols that real servers answer from are
        // many.
        const __u16 port = one_port && server.port == 0 ? record.key.port : server.port;
        const __u8 protocol = one_port ? record.key.protocol : __u8{0};
        claims_[service].insert(
            {{{std::to_array(server.address), server.family}, one_port ? port : __u16{0}, protocol},
             member.server,
             one_port});
    }
}

NatOrigins::Origins NatOrigins::unambiguous() const {
    std::map<Key, std::set<std::uint32_t>> services;
    std::set<Address> many_ports;
    for (const auto& [service, claims] : claims_) {
        for (const Claim& claim : claims) {
            services[claim.key].insert(service);
            if (!claim.translatable) many_ports.insert(std::get<0>(claim.key));
        }
    }
    Origins origins;
    for (const auto& [service, claims] : claims_) {
        for (const Claim& claim : claims) {
            if (claim.translatable && services[claim.key].size() == 1 &&
                !many_ports.contains(std::get<0>(claim.key))) {
                origins[claim.key] = {service, claim.server};
            }
        }
    }
    return origins;
}

Result<void> NatOrigins::write() {
    const Origins wanted = unambiguous();
    const int map = tables_->fd("nat_origins");
    Result<void> result;
    std::erase_if(held_, [&](const auto& held) {
        if (wanted.contains(held.first)) return false;
        const shoal_origin_key entry = to_map(held.first);
        if (bpf_map_delete_elem(map, &entry) == 0 || errno == ENOENT) return true;
        result = fail(system_error("taking back a real server's answers", errno));
        return false;
    });
    for (const auto& [key, origin] : wanted) {
        const auto held = held_.find(key);
        if (held != held_.end() && held->second == origin) continue;
        const shoal_origin_key entry = to_map(key);
        const shoal_origin value{origin.first, origin.second};
        if (bpf_map_update_elem(map, &entry, &value, BPF_ANY) == 0)
            held_[key] = origin;
        else
            result = fail(system_error("entering a real server's answers", errno));
    }
    return result;
}

}  // namespace shoal::dataplane

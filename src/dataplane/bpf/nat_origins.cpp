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

NatOrigins::Key NatOrigins::every_port_of(const Address& address) {
    return {address, 0, 0};
}

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
        tables_->fd("nat_origins"), [&](const shoal_origin_key& entry, const shoal_origin& origin) {
            const Key key{{std::to_array(entry.address), entry.family}, entry.port, entry.protocol};
            held_[key] = {origin.service, origin.server};
            touched_.insert(key);
        });
}

void NatOrigins::set(std::uint32_t service, std::span<const PoolMember> members) {
    change(service, claims_of(service, members));
}

void NatOrigins::add(std::uint32_t service, std::span<const PoolMember> members) {
    auto now = claims_of(service, members);
    if (const auto before = claims_.find(service); before != claims_.end())
        now.insert(before->second.begin(), before->second.end());
    change(service, std::move(now));
}

std::set<NatOrigins::Claim> NatOrigins::claims_of(std::uint32_t service,
                                                  std::span<const PoolMember> members) const {
    const shoal_service& record = tables_->services[service];
    const bool one_port = has_one_port(record);
    std::set<Claim> claims;
    for (const PoolMember& member : members) {
        const shoal_server& server = tables_->servers[member.server];
        if (server.method != SHOAL_METHOD_NAT) continue;
        const Address address{std::to_array(server.address), server.family};
        // Of a mark's virtual server the ports and protocols that real servers answer from are
        // many.
        const __u16 port = server.port == 0 ? record.key.port : server.port;
        claims.insert({one_port ? Key{address, port, record.key.protocol} : every_port_of(address),
                       member.server});
    }
    return claims;
}

void NatOrigins::change(std::uint32_t service, std::set<Claim> now) {
    auto& before = claims_[service];
    for (const Claim& claim : before) {
        if (now.contains(claim)) continue;
        const auto claimants = claimants_.find(claim.key);
        claimants->second.erase({service, claim.server});
        if (claimants->second.empty()) claimants_.erase(claimants);
        touch(claim);
    }
    for (const Claim& claim : now) {
        if (before.contains(claim)) continue;
        claimants_[claim.key].emplace(service, claim.server);
        touch(claim);
    }
    before = std::move(now);
    if (before.empty()) claims_.erase(service);
}

void NatOrigins::touch(const Claim& claim) {
    touched_.insert(claim.key);
    const auto& address = std::get<Address>(claim.key);
    if (claim.key != every_port_of(address)) return;
    // It is the first of its address.
    for (auto next = claimants_.lower_bound(claim.key);
         next != claimants_.end() && std::get<Address>(next->first) == address; ++next)
        touched_.insert(next->first);
}

std::optional<NatOrigins::Origin> NatOrigins::origin_of(const Key& key) const {
    const auto all = every_port_of(std::get<Address>(key));
    const auto claimants = claimants_.find(key);
    if (claimants == claimants_.end() || claimants_.contains(all)) return std::nullopt;
    const auto& origins = claimants->second;
    if (origins.begin()->first != origins.rbegin()->first) return std::nullopt;
    return *origins.rbegin();
}

Result<void> NatOrigins::write() {
    Result<void> result;
    std::erase_if(touched_, [&](const Key& key) {
        auto done = write(key);
        if (!done) result = done;
        return done.has_value();
    });
    return result;
}

Result<void> NatOrigins::write(const Key& key) {
    const int map = tables_->fd("nat_origins");
    const auto wanted = origin_of(key);
    const auto held = held_.find(key);
    const shoal_origin_key entry = to_map(key);
    if (!wanted) {
        if (held == held_.end()) return {};
        if (bpf_map_delete_elem(map, &entry) != 0 && errno != ENOENT)
            return fail(system_error("taking back a real server's answers", errno));
        held_.erase(held);
        return {};
    }
    if (held != held_.end() && held->second == *wanted) return {};
    const shoal_origin value{wanted->first, wanted->second};
    if (bpf_map_update_elem(map, &entry, &value, BPF_ANY) != 0)
        return fail(system_error("entering a real server's answers", errno));
    held_[key] = *wanted;
    return {};
}

}  // namespace shoal::dataplane

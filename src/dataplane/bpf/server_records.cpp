#include "dataplane/bpf/server_records.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/per_cpu.h"
#include "score.h"

namespace shoal::dataplane {

namespace {

bool has_flags(const shoal_server& record, unsigned flags) {
    return (load_shared(record.flags) & flags) != 0;
}

bool taken(const shoal_server& record) {
    return has_flags(record, SHOAL_SERVER_IN_USE);
}

bool removed(const shoal_server& record) {
    return taken(record) && !has_flags(record, SHOAL_SERVER_AVAILABLE);
}

void set_flags(shoal_server& record, unsigned flags) {
    __atomic_or_fetch(&record.flags, static_cast<__u8>(flags), __ATOMIC_SEQ_CST);
}

void clear_flags(shoal_server& record, unsigned flags) {
    __atomic_and_fetch(&record.flags, static_cast<__u8>(~flags), __ATOMIC_SEQ_CST);
}

constexpr unsigned saved_flags = SHOAL_SERVER_AVAILABLE | SHOAL_SERVER_KEPT;

/// Whether they make the server overloaded is decided at once. Packets change the load at the same
/// time.
void set_thresholds(shoal_server_load& load, std::uint32_t upper, std::uint32_t lower) {
    store_shared(load.lower, lower);
    store_shared(load.upper, upper);
    __u64 now = load_shared(load.load);
    while (!__atomic_compare_exchange_n(&load.load, &now, shoal_with_threshold(now, upper, lower),
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

}  // namespace

ServerRecords::ServerRecords(const Tables& tables) : tables_(&tables) {
    for (std::uint32_t index = 0; index < tables.servers.size(); ++index) {
        const shoal_server& record = tables.servers[index];
        if (record.family != 0) entries_.emplace(address_of(record.address, record.family), index);
    }
}

void ServerRecords::begin() {
    removed_.clear();
    free_.clear();
    searched_used_ = false;
    for (std::uint32_t index = tables_->servers.size(); index-- > 0;) {
        const shoal_server& record = tables_->servers[index];
        if (!taken(record)) free_.push_back(index);
        if (removed(record)) removed_[{record.service, server_key(record)}] = index;
    }
}

bool ServerRecords::has_connections(std::uint32_t index) const {
    return tables_->counts(index) != 0;
}

bool ServerRecords::is_named(std::uint32_t index) const {
    return has_connections(index) || tables_->template_count(index) != 0;
}

/// Used entries come last, so that a removed server that returns finds its own.
Result<std::uint32_t> ServerRecords::find_free() {
    if (free_.empty() && !searched_used_) {
        searched_used_ = true;
        for (const auto& [place, index] : removed_) {
            if (!is_named(index)) free_.push_back(index);
        }
    }
    if (free_.empty()) {
        return fail(fmt::format(
            "all {} entries for real servers are taken: `shoal stop`, and shoald makes room for as "
            "many as the configuration has when it starts",
            tables_->servers.size()));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    const shoal_server& record = tables_->servers[index];
    if (taken(record)) removed_.erase({record.service, server_key(record)});
    return index;
}

Result<std::uint32_t> ServerRecords::reserve(std::uint32_t service, const ServerKey& server) {
    if (const auto former = removed_.find({service, server}); former != removed_.end()) {
        const std::uint32_t index = former->second;
        removed_.erase(former);
        std::erase(free_, index);
        return index;
    }
    const auto index = find_free();
    if (!index) return index;
    if (auto done = clear_per_cpu<shoal_counters>(tables_->fd("server_counters"), *index); !done) {
        return fail(done.error());
    }
    shoal_server record{};
    put_address(record.address, server.address);
    record.port = htons(server.port);
    record.family = server.address.is_v6() ? 6 : 4;
    record.service = service;
    record.flags = SHOAL_SERVER_IN_USE;
    shoal_server_detail& detail = tables_->details[*index];
    put_address(detail.next_hop, server.address);
    detail.family = record.family;
    ++detail.use;
    tables_->loads[*index] = {};
    put_record(*index, record);
    if (const auto hop = next_hops_.find(server.address); hop != next_hops_.end()) {
        write_next_hop(*index, hop->second);
    }
    return index;
}

void ServerRecords::put_record(std::uint32_t index, const shoal_server& record) {
    shoal_server& entry = tables_->servers[index];
    if (entry.family != 0) entries_.erase({address_of(entry.address, entry.family), index});
    entry = record;
    entries_.emplace(address_of(record.address, record.family), index);
}

void ServerRecords::forget_servers_of(std::uint32_t service) {
    for (std::uint32_t index = 0; index < tables_->servers.size(); ++index) {
        shoal_server& record = tables_->servers[index];
        if (!removed(record) || record.service != service) continue;
        removed_.erase({service, server_key(record)});
        clear_flags(record, SHOAL_SERVER_IN_USE | SHOAL_SERVER_KEPT);
    }
}

ServerRecords::Saved ServerRecords::save(std::uint32_t index) const {
    const shoal_server& record = tables_->servers[index];
    const shoal_server_load& load = tables_->loads[index];
    return {static_cast<__u8>(load_shared(record.flags) & saved_flags),
            record.method,
            record.tunnel,
            record.tunnel_port,
            load.upper,
            load.lower,
            load.last_weight,
            (load_shared(load.load) & SHOAL_LOAD_OVERLOADED) != 0};
}

void ServerRecords::restore(std::uint32_t index, const Saved& saved) const {
    shoal_server& record = tables_->servers[index];
    shoal_server_load& load = tables_->loads[index];
    store_shared(record.tunnel, saved.tunnel);
    store_shared(record.tunnel_port, saved.tunnel_port);
    store_shared(record.method, saved.method);
    restore_weight(index, saved);
    if (saved.overloaded) {
        __atomic_or_fetch(&load.load, SHOAL_LOAD_OVERLOADED, __ATOMIC_SEQ_CST);
    } else {
        __atomic_and_fetch(&load.load, SHOAL_LOAD_COUNTS, __ATOMIC_SEQ_CST);
    }
    set_thresholds(load, saved.upper, saved.lower);
    set_flags(record, saved.flags);
    clear_flags(record, saved_flags & ~unsigned{saved.flags});
}

void ServerRecords::restore_weight(std::uint32_t index, const Saved& saved) const {
    tables_->loads[index].last_weight = saved.last_weight;
}

void ServerRecords::note_weight(std::uint32_t index, std::uint32_t weight, bool added) const {
    if (added || weight != 0) tables_->loads[index].last_weight = weight;
}

void ServerRecords::write(std::uint32_t index, const Server& server) const {
    shoal_server& record = tables_->servers[index];
    store_shared(record.tunnel, to_abi(server.tunnel.type));
    store_shared(record.tunnel_port, htons(server.tunnel.port));
    store_shared(record.method, to_abi(server.method));
    set_thresholds(tables_->loads[index], server.upper_threshold, server.lower_threshold);
    set_flags(record, SHOAL_SERVER_AVAILABLE);
}

void ServerRecords::keep_connections(std::uint32_t index) const {
    set_flags(tables_->servers[index], SHOAL_SERVER_KEPT);
}

void ServerRecords::settle(std::uint32_t index) const {
    clear_flags(tables_->servers[index], SHOAL_SERVER_KEPT);
}

void ServerRecords::release(std::uint32_t index) const {
    clear_flags(tables_->servers[index], SHOAL_SERVER_AVAILABLE);
}

Server ServerRecords::server(std::uint32_t index, std::uint32_t weight) const {
    const shoal_server& record = tables_->servers[index];
    const shoal_server_load& load = tables_->loads[index];
    return {
        server_key(record), weight,     method_from(record.method),
        load.upper,         load.lower, {tunnel_from(record.tunnel), ntohs(record.tunnel_port)}};
}

void ServerRecords::set_next_hop(const net::Address& real_server, const NextHop& hop) {
    next_hops_[real_server] = hop;
    for (auto entry = entries_.lower_bound({real_server, 0});
         entry != entries_.end() && entry->first == real_server; ++entry) {
        if (taken(tables_->servers[entry->second])) write_next_hop(entry->second, hop);
    }
}

std::vector<bool> ServerRecords::services_with_entries() const {
    std::vector<bool> named(tables_->services.size(), false);
    for (std::uint32_t index = 0; index < tables_->servers.size(); ++index) {
        const shoal_server& record = tables_->servers[index];
        if (!taken(record)) continue;
        if (!removed(record) || is_named(index)) named[record.service] = true;
    }
    return named;
}

std::vector<net::Address> ServerRecords::kept_addresses() const {
    std::vector<net::Address> addresses;
    for (std::uint32_t index = 0; index < tables_->servers.size(); ++index) {
        const shoal_server& record = tables_->servers[index];
        if (removed(record) && has_flags(record, SHOAL_SERVER_KEPT) && has_connections(index)) {
            addresses.push_back(address_of(record.address, record.family));
        }
    }
    std::ranges::sort(addresses);
    const auto repeated = std::ranges::unique(addresses);
    addresses.erase(repeated.begin(), repeated.end());
    return addresses;
}

/// A packet that reads the record meanwhile sees no next hop, or a whole one.
void ServerRecords::write_next_hop(std::uint32_t index, const NextHop& hop) const {
    shoal_server& record = tables_->servers[index];
    clear_flags(record, SHOAL_SERVER_NEXT_HOP_KNOWN | SHOAL_SERVER_LOCAL);
    put_address(tables_->details[index].next_hop, hop.gateway);
    tables_->details[index].family = hop.gateway.is_v6() ? 6 : 4;
    if (hop.source) put_address(record.tunnel_source, *hop.source);
    store_shared(record.mtu, hop.mtu);
    if (hop.local) set_flags(record, SHOAL_SERVER_LOCAL);
    std::ranges::copy(hop.source_mac.bytes, &record.source_mac[0]);
    if (hop.mac) std::ranges::copy(hop.mac->bytes, &record.mac[0]);
    store_shared(record.interface, hop.interface_index);
    if (hop.mac && hop.interface_index != 0) set_flags(record, SHOAL_SERVER_NEXT_HOP_KNOWN);
}

}  // namespace shoal::dataplane

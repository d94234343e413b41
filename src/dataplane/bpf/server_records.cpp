#include "dataplane/bpf/server_records.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/per_cpu.h"

namespace shoal::dataplane {

namespace {

constexpr std::uint32_t none = SHOAL_MAX_SERVERS;

bool taken(const shoal_server& record) {
    return (record.flags & SHOAL_SERVER_IN_USE) != 0;
}

bool removed(const shoal_server& record) {
    return taken(record) && (record.flags & SHOAL_SERVER_AVAILABLE) == 0;
}

void set_flags(shoal_server& record, unsigned flags) {
    __atomic_or_fetch(&record.flags, static_cast<__u8>(flags), __ATOMIC_SEQ_CST);
}

void clear_flags(shoal_server& record, unsigned flags) {
    __atomic_and_fetch(&record.flags, static_cast<__u8>(~flags), __ATOMIC_SEQ_CST);
}

}  // namespace

Result<std::uint32_t> ServerRecords::take(std::uint32_t service, const Server& server) {
    if (const std::uint32_t index = find_removed(service, server); index != none) {
        set_method(index, server.method);
        set_flags(tables_->servers[index], SHOAL_SERVER_AVAILABLE);
        return index;
    }
    const auto index = find_free();
    if (!index) return index;
    if (auto done = clear_per_cpu<shoal_counters>(tables_->fd("server_counters"), *index); !done) {
        return fail(done.error());
    }
    shoal_server record{};
    put_address(record.address, server.key.address);
    record.port = htons(server.key.port);
    record.method = to_abi(server.method);
    record.service = service;
    put_address(record.next_hop, server.key.address);
    tables_->servers[*index] = record;
    if (const auto hop = next_hops_.find(server.key.address); hop != next_hops_.end()) {
        write_next_hop(*index, hop->second);
    }
    set_flags(tables_->servers[*index], SHOAL_SERVER_IN_USE | SHOAL_SERVER_AVAILABLE);
    return index;
}

void ServerRecords::set_method(std::uint32_t index, model::ForwardingMethod method) const {
    store_shared(tables_->servers[index].method, to_abi(method));
}

void ServerRecords::release(std::uint32_t index) const {
    clear_flags(tables_->servers[index], SHOAL_SERVER_AVAILABLE);
}

void ServerRecords::set_next_hop(const net::Address& real_server, const NextHop& hop) {
    next_hops_[real_server] = hop;
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVERS; ++index) {
        const shoal_server& record = tables_->servers[index];
        if (taken(record) && v4_address(record.address) == real_server) write_next_hop(index, hop);
    }
}

std::vector<bool> ServerRecords::services_with_entries() const {
    std::vector<bool> named(SHOAL_MAX_SERVICES, false);
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVERS; ++index) {
        const shoal_server& record = tables_->servers[index];
        if (!taken(record)) continue;
        if (!removed(record) || load_shared(tables_->loads[index]) != 0) {
            named[record.service] = true;
        }
    }
    return named;
}

std::uint32_t ServerRecords::find_removed(std::uint32_t service, const Server& server) const {
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVERS; ++index) {
        const shoal_server& record = tables_->servers[index];
        if (removed(record) && record.service == service && server_key(record) == server.key &&
            load_shared(tables_->loads[index]) != 0) {
            return index;
        }
    }
    return none;
}

Result<std::uint32_t> ServerRecords::find_free() const {
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVERS; ++index) {
        const shoal_server& record = tables_->servers[index];
        if (!taken(record)) return index;
        if (removed(record) && load_shared(tables_->loads[index]) == 0) return index;
    }
    return fail(fmt::format("all {} entries for real servers are taken", SHOAL_MAX_SERVERS));
}

/// A packet that reads the record meanwhile sees no next hop, or a whole one.
void ServerRecords::write_next_hop(std::uint32_t index, const NextHop& hop) const {
    shoal_server& record = tables_->servers[index];
    clear_flags(record, SHOAL_SERVER_NEXT_HOP_KNOWN);
    put_address(record.next_hop, hop.gateway);
    std::ranges::copy(hop.source_mac.bytes, &record.source_mac[0]);
    if (hop.mac) std::ranges::copy(hop.mac->bytes, &record.mac[0]);
    store_shared(record.interface, hop.interface_index);
    if (hop.mac && hop.interface_index != 0) set_flags(record, SHOAL_SERVER_NEXT_HOP_KNOWN);
}

}  // namespace shoal::dataplane

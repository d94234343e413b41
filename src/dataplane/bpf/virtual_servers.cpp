#include "dataplane/bpf/virtual_servers.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/bpf/address_bits.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/per_cpu.h"

namespace shoal::dataplane {

namespace {

/// The members as a list that can be changed.
std::vector<shoal_pool_member> list_of(const shoal_pool& pool) {
    const auto all = members(pool);
    return {all.begin(), all.end()};
}

std::vector<shoal_pool_member>::iterator find_member(std::vector<shoal_pool_member>& list,
                                                     const Tables& tables, const ServerKey& key) {
    return std::ranges::find_if(list, [&](const shoal_pool_member& member) {
        return server_key(tables.servers[member.server]) == key;
    });
}

std::unexpected<Error> unknown_server(const ServiceKey& service, const ServerKey& server) {
    return fail(fmt::format("{} has no real server {}", service.to_string(), server.to_string()));
}

Result<void> require_v4(const net::Address& address) {
    if (!address.is_v6()) return {};
    return fail(fmt::format("{}: only IPv4 addresses can be balanced", address.to_string()));
}

}  // namespace

VirtualServers::VirtualServers(const Tables& tables, const PinDirectory& pins,
                               CarryCursor carry_cursor)
    : tables_(&tables),
      pools_(pins, tables.fd("pools")),
      records_(tables),
      carry_cursor_(std::move(carry_cursor)) {}

Result<std::optional<std::uint32_t>> VirtualServers::find(const shoal_service_key& key) const {
    std::uint32_t index = 0;
    if (bpf_map_lookup_elem(tables_->fd("services"), &key, &index) == 0) return index;
    if (errno == ENOENT) return std::nullopt;
    return fail(system_error("reading services", errno));
}

Result<std::uint32_t> VirtualServers::require(const ServiceKey& key) const {
    const auto index = find(to_key(key));
    if (!index) return fail(index.error());
    if (*index) return **index;
    return fail(fmt::format("there is no virtual server {}", key.to_string()));
}

Result<VirtualServers::Pool> VirtualServers::pool_of(const ServiceKey& key) {
    const auto index = require(key);
    if (!index) return fail(index.error());
    auto pool = pools_.get(*index);
    if (!pool) return fail(pool.error());
    return Pool{*index, pool->value_or(shoal_pool{})};
}

Result<std::uint32_t> VirtualServers::find_free() const {
    // Connections of a former virtual server still name its index.
    const std::vector<bool> named = records_.services_with_entries();
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVICES; ++index) {
        if (tables_->services[index].in_use == 0 && !named[index]) return index;
    }
    return fail(fmt::format("all {} entries for virtual servers are taken", SHOAL_MAX_SERVICES));
}

/// Builds the pool aside and swaps it; then the cursor follows, so that it is never more than one
/// pool behind.
Result<void> VirtualServers::put(std::uint32_t service, std::span<const shoal_pool_member> list,
                                 const shoal_pool& previous, Cursor cursor) {
    if (auto done = pools_.put(service, make_pool(list, previous, cursor)); !done) return done;
    carry_cursor_(service);
    return {};
}

void VirtualServers::set_scheduler(std::uint32_t index, model::Scheduler scheduler) const {
    store_shared(tables_->services[index].scheduler, to_abi(scheduler));
}

void VirtualServers::restart_cursor(std::uint32_t index, __u32 generation) const {
    shoal_cursor cursor{};
    cursor.generation = static_cast<__u16>(generation);
    store_shared(tables_->cursors[index], cursor.word);
}

Result<void> VirtualServers::fill(std::uint32_t index, const AddService& add) {
    if (auto done = clear_per_cpu<shoal_counters>(tables_->fd("service_counters"), index); !done) {
        return done;
    }
    const shoal_pool empty = make_pool({}, shoal_pool{}, Cursor::restarted);
    if (auto done = pools_.put(index, empty); !done) return done;
    restart_cursor(index, empty.generation);
    shoal_service record{};
    record.key = to_key(add.key);
    record.scheduler = to_abi(add.scheduler);
    tables_->services[index] = record;
    store_shared(tables_->services[index].in_use, 1U);
    refresh_address_bits(*tables_);
    if (bpf_map_update_elem(tables_->fd("services"), &record.key, &index, BPF_NOEXIST) == 0) {
        return {};
    }
    return fail(system_error("adding to services", errno));
}

Result<void> VirtualServers::add(const AddService& add) {
    if (auto v4 = require_v4(add.key.address); !v4) return v4;
    const auto existing = find(to_key(add.key));
    if (!existing) return fail(existing.error());
    if (*existing) {
        return fail(fmt::format("virtual server {} exists already", add.key.to_string()));
    }
    const auto index = find_free();
    if (!index) return fail(index.error());
    auto done = fill(*index, add);
    if (!done) {
        // Reported is what failed first.
        if (auto dropped = drop(*index); !dropped) return done;
    }
    return done;
}

Result<void> VirtualServers::edit(const EditService& edit) {
    const auto old = pool_of(edit.key);
    if (!old) return fail(old.error());
    const shoal_pool pool = make_pool(members(old->pool), old->pool, Cursor::restarted);
    const model::Scheduler before = scheduler_from(tables_->services[old->service].scheduler);
    if (before == edit.scheduler) return {};
    set_scheduler(old->service, edit.scheduler);
    if (auto done = pools_.put(old->service, pool); !done) {
        set_scheduler(old->service, before);
        return done;
    }
    restart_cursor(old->service, pool.generation);
    return {};
}

void VirtualServers::release_servers(const shoal_pool& pool) const {
    for (const shoal_pool_member& member : members(pool))
        records_.release(member.server);
}

/// Everything of a virtual server that packets no longer find.
Result<void> VirtualServers::drop(std::uint32_t index) {
    const auto pool = pools_.get(index);
    if (!pool) return fail(pool.error());
    if (auto done = pools_.remove(index); !done) return done;
    if (*pool) release_servers(**pool);
    store_shared(tables_->services[index].in_use, 0U);
    refresh_address_bits(*tables_);
    return {};
}

Result<void> VirtualServers::remove(const RemoveService& remove) {
    const auto index = require(remove.key);
    if (!index) return fail(index.error());
    const shoal_service_key key = to_key(remove.key);
    if (bpf_map_delete_elem(tables_->fd("services"), &key) != 0) {
        return fail(system_error("removing from services", errno));
    }
    return drop(*index);
}

Result<void> VirtualServers::add_server(const AddServer& add) {
    if (auto v4 = require_v4(add.server.key.address); !v4) return v4;
    const auto old = pool_of(add.service);
    if (!old) return fail(old.error());
    auto list = list_of(old->pool);
    if (find_member(list, *tables_, add.server.key) != list.end()) {
        return fail(fmt::format("{} has real server {} already", add.service.to_string(),
                                add.server.key.to_string()));
    }
    if (list.size() == SHOAL_MAX_POOL) {
        return fail(fmt::format("a virtual server has at most {} real servers", SHOAL_MAX_POOL));
    }
    const auto index = records_.take(old->service, add.server);
    if (!index) return fail(index.error());
    refresh_address_bits(*tables_);
    list.insert(list.begin(), shoal_pool_member{*index, add.server.weight});
    auto done = put(old->service, list, old->pool, Cursor::carried);
    if (!done) {
        records_.release(*index);
        refresh_address_bits(*tables_);
    }
    return done;
}

Result<void> VirtualServers::edit_server(const EditServer& edit) {
    const auto old = pool_of(edit.service);
    if (!old) return fail(old.error());
    auto list = list_of(old->pool);
    const auto member = find_member(list, *tables_, edit.server.key);
    if (member == list.end()) return unknown_server(edit.service, edit.server.key);
    const std::uint32_t index = member->server;
    const auto method = method_from(tables_->servers[index].method);
    records_.set_method(index, edit.server.method);
    refresh_address_bits(*tables_);
    if (member->weight == edit.server.weight) return {};
    member->weight = edit.server.weight;
    auto done = put(old->service, list, old->pool, Cursor::carried);
    if (!done) {
        records_.set_method(index, method);
        refresh_address_bits(*tables_);
    }
    return done;
}

Result<void> VirtualServers::remove_server(const RemoveServer& remove) {
    const auto old = pool_of(remove.service);
    if (!old) return fail(old.error());
    auto list = list_of(old->pool);
    const auto member = find_member(list, *tables_, remove.server);
    if (member == list.end()) return unknown_server(remove.service, remove.server);
    const std::uint32_t index = member->server;
    list.erase(member);
    if (auto done = put(old->service, list, old->pool, Cursor::carried); !done) return done;
    records_.release(index);
    refresh_address_bits(*tables_);
    return {};
}

Result<std::vector<VirtualServers::Entry>> VirtualServers::list() {
    std::vector<Entry> entries;
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVICES; ++index) {
        const shoal_service& record = tables_->services[index];
        if (record.in_use == 0) continue;
        const auto found = find(record.key);
        if (!found) return fail(found.error());
        if (*found != index) continue;
        const auto pool = pools_.get(index);
        if (!pool) return fail(pool.error());
        Entry entry{index, {from_key(record.key), scheduler_from(record.scheduler), {}}, {}};
        if (*pool) {
            for (const shoal_pool_member& member : members(**pool)) {
                const shoal_server& server = tables_->servers[member.server];
                entry.service.servers.push_back(
                    {server_key(server), member.weight, method_from(server.method)});
                entry.server_indices.push_back(member.server);
            }
        }
        entries.push_back(std::move(entry));
    }
    std::ranges::sort(entries, {}, [](const Entry& entry) { return entry.service.key; });
    return entries;
}

Result<void> VirtualServers::drop_leftover(std::uint32_t index) {
    const auto pool = pools_.get(index);
    if (!pool) return fail(pool.error());
    if (!*pool && tables_->services[index].in_use == 0) return {};
    return drop(index);
}

void VirtualServers::release_unlisted(const std::vector<bool>& listed) const {
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVERS; ++index) {
        if (!listed[index]) records_.release(index);
    }
}

Result<void> VirtualServers::repair() {
    std::vector<bool> listed(SHOAL_MAX_SERVERS, false);
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVICES; ++index) {
        const shoal_service& record = tables_->services[index];
        const auto found = find(record.key);
        if (!found) return fail(found.error());
        if (record.in_use == 0 || *found != index) {
            if (auto done = drop_leftover(index); !done) return done;
            continue;
        }
        const auto pool = pools_.get(index);
        if (!pool) return fail(pool.error());
        if (*pool) {
            for (const auto& member : members(**pool))
                listed[member.server] = true;
        }
        carry_cursor_(index);
    }
    release_unlisted(listed);
    refresh_address_bits(*tables_);
    return {};
}

}  // namespace shoal::dataplane

#include "dataplane/bpf/virtual_servers.h"

#include <arpa/inet.h>

#include <algorithm>

#include "dataplane/bpf/address_bits.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/cursor.h"
#include "dataplane/bpf/service_options.h"

namespace shoal::dataplane {

VirtualServers::VirtualServers(const Tables& tables, const PinDirectory& pins,
                               RefreshPool refresh_pool)
    : tables_(&tables),
      pools_(pins, tables.fd("pools")),
      servers_(tables),
      services_(tables),
      origins_(tables),
      refresh_pool_(std::move(refresh_pool)) {}

std::vector<Result<void>> VirtualServers::apply(std::span<const Operation> operations) {
    BatchPlan plan(operations, services_, servers_, pools_);
    Failures failures;
    commit(plan.drafts(), failures);
    auto& results = plan.results();
    for (const auto& [draft, error] : failures) {
        for (const std::size_t operation : draft->operations) {
            if (results[operation]) results[operation] = fail(error);
        }
    }
    return std::move(results);
}

/// Each step takes those that did not fail in one before it.
void VirtualServers::commit(Drafts& drafts, Failures& failures) {
    prepare(drafts, failures);
    write_address_bits(drafts);
    widen_origins(drafts, failures);
    swap(drafts, failures);
    for (const Draft& draft : drafts) {
        if (draft.existed && !draft.exists) services_.hide(draft.index);
    }
    assign_ports(drafts, failures);
    for (Draft& draft : drafts) {
        if (draft.exists && !failures.contains(&draft)) finish(draft);
    }
    drop_gone(drafts, failures);
    settle_origins(drafts, failures);
    write_address_bits({});
}

/// Before packets go to a real server by another virtual server too, its answers are ambiguous.
void VirtualServers::widen_origins(const Drafts& drafts, const Failures& failures) {
    for (const Draft& draft : drafts) {
        if (draft.exists && !failures.contains(&draft))
            origins_.add(draft.index, draft.pool.members);
    }
    // What is missing costs clients their service only while the table is full.
    static_cast<void>(origins_.write());
}

void VirtualServers::settle_origins(const Drafts& drafts, const Failures& failures) {
    for (const Draft& draft : drafts) {
        const bool failed = failures.contains(&draft);
        const bool stands = draft.existed ? draft.exists || failed : draft.exists && !failed;
        const auto& members = failed ? draft.old_pool.members : draft.pool.members;
        origins_.set(draft.index, stands ? std::span(members) : std::span<const PoolMember>{});
    }
    static_cast<void>(origins_.write());
}

void VirtualServers::prepare(Drafts& drafts, Failures& failures) {
    for (Draft& draft : drafts) {
        if (!draft.exists) continue;
        if (auto done = prepare(draft); !done) {
            failures.emplace(&draft, done.error());
            undo(draft);
        }
    }
}

/// Everything of a virtual server but what packets find it and its real servers by.
Result<void> VirtualServers::prepare(Draft& draft) {
    for (const auto& [index, server] : draft.written) {
        draft.saved[index] = servers_.save(index);
        servers_.write(index, server);
    }
    for (const auto& [index, connections] : draft.removed) {
        draft.saved[index] = servers_.save(index);
        if (connections == model::RemovedConnections::keep) servers_.keep_connections(index);
    }
    for (const PoolChange& change : draft.changes) {
        const bool adds = change.kind == PoolChange::Kind::add;
        if (adds || change.kind == PoolChange::Kind::edit)
            servers_.note_weight(change.member.server, change.member.weight, adds);
    }
    if (draft.is_new()) {
        store_shared<__u64>(tables_->cursors[draft.index], 0);
        if (auto done = services_.create(draft.index, draft.key, draft.options); !done) return done;
    } else if (draft.options != draft.old_options) {
        if (auto done = services_.edit(draft.index, draft.options); !done) return done;
    }
    if (!draft.pool_changes()) return {};
    if (draft.levels) level(draft);
    return stage(draft, draft.old_pool, draft.pool);
}

/// All members count as freshly added: their connections so far are left out from now on.
void VirtualServers::level(const Draft& draft) const {
    services_.raise_load_epoch(draft.index);
    for (const PoolMember& member : draft.pool.members) {
        shoal_server_load& load = tables_->loads[member.server];
        store_shared(load.baseline, tables_->counts(member.server));
    }
}

Result<void> VirtualServers::stage(const Draft& draft, const Pool& from, Pool to) {
    to.generation = from.generation + 1;
    std::vector<MemberState> states;
    for (std::size_t place = 0; place < to.members.size(); ++place) {
        const auto [server, weight] = to.members[place];
        const shoal_server& record = tables_->servers[server];
        shoal_server_load& load = tables_->loads[server];
        // The current pool's members keep theirs in the other entry.
        store_shared(load.position[to.generation & 1], static_cast<__u16>(place));
        states.push_back({load, ntohl(fold_address(record.address)), ntohs(record.port)});
    }
    return pools_.stage(draft.index, build_nodes(to, states));
}

void VirtualServers::swap(Drafts& drafts, Failures& failures) {
    const auto refused = pools_.swap_staged();
    for (Draft& draft : drafts) {
        if (!draft.exists || failures.contains(&draft)) continue;
        if (const auto error = refused.find(draft.index); error != refused.end()) {
            failures.emplace(&draft, error->second);
            undo(draft);
            continue;
        }
        // Under wrr any edit of a real server counts.
        if (draft.pool_changes() || !draft.written.empty()) {
            move_cursor(draft);
            refresh_pool_(draft.index);
        }
    }
}

/// Packets move it at the same time.
void VirtualServers::move_cursor(const Draft& draft) const {
    const auto walks = [](const Pool& pool) {
        return pool.scheduler == SHOAL_SCHEDULER_RR || pool.scheduler == SHOAL_SCHEDULER_WRR;
    };
    if (!walks(draft.old_pool) && !walks(draft.pool)) return;
    change_shared(tables_->cursors[draft.index], [&](__u64 old) {
        shoal_cursor cursor{};
        cursor.word = old;
        Pool before = draft.old_pool;
        for (const PoolChange& change : draft.changes) {
            Pool after = before;
            apply_change(after, change);
            cursor = cursor_after_change(cursor, before, after);
            before = std::move(after);
        }
        return cursor.word;
    });
}

/// All at once, so that a virtual server that takes another's ports leaves no gap. Where one of
/// them is refused, each for itself.
void VirtualServers::assign_ports(Drafts& drafts, Failures& failures) {
    std::set<Endpoint> all;
    for (const Draft& draft : drafts)
        all.insert(draft.endpoints.begin(), draft.endpoints.end());
    if (services_.assign(all)) return;
    for (const Draft& draft : drafts)
        put_claims(draft, draft.existed, draft.old_options);
    for (Draft& draft : drafts) {
        if (failures.contains(&draft)) continue;
        put_claims(draft, draft.exists, draft.options);
        auto done = services_.assign(draft.endpoints);
        if (done) continue;
        failures.emplace(&draft, done.error());
        undo_swap(draft);
        undo(draft);
    }
}

void VirtualServers::put_claims(const Draft& draft, bool exists, const ServiceOptions& options) {
    services_.claims().put(draft.index,
                           exists ? claims_of(draft.key, options) : std::vector<PortClaim>{});
}

/// What can be done only after packets see the new state.
void VirtualServers::finish(Draft& draft) {
    if (draft.is_new()) services_.publish(draft.index);
    // Entries that stay are removed when the data plane is adopted, or at the next change.
    static_cast<void>(services_.finish(draft.index, draft.options));
    for (const auto& [index, server] : draft.written)
        servers_.settle(index);
    for (const auto& [index, connections] : draft.removed)
        servers_.release(index);
}

/// Nobody finds these any more; when their pools are gone, the kernel has waited for the last
/// packet that had.
void VirtualServers::drop_gone(const Drafts& drafts, const Failures& failures) {
    std::vector<const Draft*> gone;
    std::vector<std::uint32_t> indices;
    for (const Draft& draft : drafts) {
        const bool failed = failures.contains(&draft);
        const bool stands = draft.existed ? draft.exists || failed : draft.exists && !failed;
        if (stands) continue;
        gone.push_back(&draft);
        indices.push_back(draft.index);
    }
    // Where the kernel refuses, the pools stay until their indices are used again.
    static_cast<void>(pools_.remove(indices));
    for (const Draft* draft : gone) {
        for (const auto& [index, connections] : draft->removed) {
            if (connections == model::RemovedConnections::keep) servers_.keep_connections(index);
        }
        for (const PoolMember& member : draft->old_pool.members)
            servers_.release(member.server);
        static_cast<void>(services_.forget(draft->index));
    }
}

/// After a failure: the records as they were.
void VirtualServers::undo(Draft& draft) {
    for (const auto& [index, saved] : draft.saved)
        servers_.restore(index, saved);
    put_claims(draft, draft.existed, draft.old_options);
    if (!draft.existed) return;
    if (!draft.exists) {
        services_.publish(draft.index);
    } else if (draft.options != draft.old_options) {
        static_cast<void>(services_.edit(draft.index, draft.old_options));
        static_cast<void>(services_.finish(draft.index, draft.old_options));
    }
    if (!draft.written.empty()) refresh_pool_(draft.index);
}

/// The former list comes back as one that follows the new one.
void VirtualServers::undo_swap(Draft& draft) {
    if (!draft.existed || !draft.pool_changes()) return;
    for (const auto& [index, saved] : draft.saved)
        servers_.restore_weight(index, saved);
    Pool swapped_in = draft.pool;
    swapped_in.generation = draft.old_pool.generation + 1;
    if (!stage(draft, swapped_in, draft.old_pool)) return;
    static_cast<void>(pools_.swap_staged());
}

/// Of what is in force, and of what soon will be.
void VirtualServers::write_address_bits(const Drafts& drafts) const {
    std::set<net::Address> addresses = services_.addresses();
    for (const Draft& draft : drafts) {
        for (const Endpoint& endpoint : draft.endpoints)
            addresses.insert(endpoint.address);
    }
    refresh_address_bits(*tables_, addresses);
}

Result<std::vector<VirtualServers::Entry>> VirtualServers::list() {
    std::vector<Entry> entries;
    for (const auto& [key, index] : services_.all()) {
        const auto pool = pools_.get(index);
        if (!pool) return fail(pool.error());
        Entry entry{index, {key, {}, {}}, {}};
        for (const PoolMember& member : pool->value_or(Pool{}).members) {
            entry.service.servers.push_back(servers_.server(member.server, member.weight));
            entry.server_indices.push_back(member.server);
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<void> VirtualServers::repair_pool(std::uint32_t index, std::vector<bool>& listed) {
    const auto pool = pools_.get(index);
    if (!pool) return fail(pool.error());
    if (!*pool) return {};
    services_.schedule_as(index, **pool);
    origins_.set(index, (*pool)->members);
    for (const PoolMember& member : (*pool)->members) {
        listed[member.server] = true;
        servers_.settle(member.server);
    }
    refresh_pool_(index);
    return {};
}

void VirtualServers::release_unlisted(const std::vector<bool>& listed) const {
    for (std::uint32_t index = 0; index < tables_->servers.size(); ++index) {
        if (!listed[index]) servers_.release(index);
    }
}

Result<void> VirtualServers::repair() {
    if (auto done = services_.load(); !done) return done;
    if (auto done = origins_.load(); !done) return done;
    std::vector<bool> listed(tables_->servers.size(), false);
    std::vector<bool> exists(tables_->services.size(), false);
    for (const auto& [key, index] : services_.all()) {
        exists[index] = true;
        if (auto done = repair_pool(index, listed); !done) return done;
    }
    if (auto done = pools_.remove_unless(exists); !done) return done;
    release_unlisted(listed);
    write_address_bits({});
    return origins_.write();
}

}  // namespace shoal::dataplane

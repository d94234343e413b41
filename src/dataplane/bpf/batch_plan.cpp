#include "dataplane/bpf/batch_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/service_options.h"

namespace shoal::dataplane {

namespace {

constexpr std::uint32_t pool_flags = SHOAL_SERVICE_HASH_PORT | SHOAL_SERVICE_HASH_FALLBACK;

PoolChange schedule_as(const ServiceKey& key, const ServiceOptions& options) {
    const shoal_service record = to_record(key, options, 1);
    return {PoolChange::Kind::schedule,
            {},
            record.scheduler,
            record.flags & pool_flags,
            record.mh_table_size};
}

std::unexpected<Error> unknown_server(const ServiceKey& service, const ServerKey& server) {
    return fail(fmt::format("{} has no real server {}", service.to_string(), server.to_string()));
}

const char* family_name(bool v6) {
    return v6 ? "IPv6" : "IPv4";
}

Result<void> require_family(const ServiceKey& key, bool v6, const net::Address& address) {
    if (address.is_v6() == v6) return {};
    return fail(fmt::format("{} is of {}: {} is of the other address family", key.to_string(),
                            family_name(v6), address.to_string()));
}

Result<void> require_one_family(const ServiceKey& key, const ServiceOptions& options) {
    const bool v6 = key.address.is_v6();
    for (const MarkMatch& match : options.matches) {
        if (auto same = require_family(key, v6, match.address); !same) return same;
    }
    for (const auto* prefixes : {&options.allow, &options.deny}) {
        for (const net::Prefix& prefix : *prefixes) {
            if (auto same = require_family(key, v6, prefix.address); !same) return same;
        }
    }
    return {};
}

/// Tunnels lead from each family to each.
Result<void> require_family(const ServiceKey& key, bool v6, const Server& server) {
    if (server.method == model::ForwardingMethod::tunnel) return {};
    return require_family(key, v6, server.key.address);
}

}  // namespace

void apply_change(Pool& pool, const PoolChange& change) {
    const auto place = std::ranges::find(pool.members, change.member.server, &PoolMember::server);
    switch (change.kind) {
        case PoolChange::Kind::add:
            pool.members.insert(pool.members.begin(), change.member);
            break;
        case PoolChange::Kind::edit:
            place->weight = change.member.weight;
            break;
        case PoolChange::Kind::remove:
            pool.members.erase(place);
            break;
        case PoolChange::Kind::schedule:
            pool.scheduler = change.scheduler;
            pool.flags = change.flags;
            pool.mh_size = change.mh_table_size;
            break;
    }
}

bool Draft::pool_changes() const {
    return exists && (is_new() || levels || pool.members != old_pool.members ||
                      pool.scheduler != old_pool.scheduler || pool.flags != old_pool.flags ||
                      (pool.scheduler == SHOAL_SCHEDULER_MH && pool.mh_size != old_pool.mh_size));
}

struct BatchPlan::Check {
    BatchPlan& plan;
    Result<void> operator()(const AddService& op) { return plan.add(op); }
    Result<void> operator()(const EditService& op) { return plan.edit(op); }
    Result<void> operator()(const RemoveService& op) { return plan.remove(op); }
    Result<void> operator()(const AddServer& op) { return plan.add_server(op); }
    Result<void> operator()(const EditServer& op) { return plan.edit_server(op); }
    Result<void> operator()(const RemoveServer& op) { return plan.remove_server(op); }
    Result<void> operator()(const auto&) { return fail("not of a virtual server"); }
};

BatchPlan::BatchPlan(std::span<const Operation> operations, ServiceRecords& services,
                     ServerRecords& servers, PoolStore& pools)
    : services_(services), servers_(servers), pools_(pools) {
    servers_.begin();
    find_leaving(operations);
    for (current_ = 0; current_ < operations.size(); ++current_)
        results_.push_back(std::visit(Check{*this}, operations[current_]));
}

void BatchPlan::find_leaving(std::span<const Operation> operations) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
        const auto* remove = std::get_if<RemoveService>(&operations[i]);
        if (remove != nullptr) leaving_[remove->key] = i;
    }
}

Draft* BatchPlan::find(const ServiceKey& key) {
    const auto found = by_key_.find(key);
    return found != by_key_.end() && found->second->exists ? found->second : nullptr;
}

/// The draft of a virtual server that exists at this point of the batch.
Result<Draft*> BatchPlan::draft_of(const ServiceKey& key) {
    if (Draft* draft = find(key)) {
        draft->operations.push_back(current_);
        return draft;
    }
    const auto index = services_.find(key);
    if (!index || by_key_.contains(key)) {
        return fail(fmt::format("there is no virtual server {}", key.to_string()));
    }
    const auto pool = pools_.get(*index);
    if (!pool) return fail(pool.error());
    Draft draft;
    draft.index = *index;
    draft.key = key;
    draft.existed = true;
    draft.old_options = draft.options = services_.options(*index);
    draft.old_pool = draft.pool = pool->value_or(Pool{});
    for (const PoolMember& member : draft.pool.members)
        draft.members[servers_.server(member.server, 0).key] = member.server;
    draft.operations.push_back(current_);
    return by_key_[key] = &drafts_.emplace_back(std::move(draft));
}

void BatchPlan::change(Draft& draft, const PoolChange& change) const {
    apply_change(draft.pool, change);
    draft.changes.push_back(change);
}

ServiceKey BatchPlan::key_at(std::uint32_t index) const {
    const auto draft = std::ranges::find(drafts_, index, &Draft::index);
    return draft != drafts_.end() ? draft->key : services_.key(index);
}

/// Takes the ports, unless another virtual server has one of them.
Result<void> BatchPlan::claim(Draft& draft, const ServiceOptions& options) {
    const auto claims = claims_of(draft.key, options);
    const auto leaves = [&](std::uint32_t index) {
        const auto removal = leaving_.find(key_at(index));
        return removal != leaving_.end() && removal->second > current_;
    };
    if (const auto rival = services_.claims().find_rival(draft.index, claims, leaves)) {
        return fail(collision(draft.key, key_at(*rival)));
    }
    put_claims(draft, claims);
    return {};
}

void BatchPlan::put_claims(Draft& draft, const std::vector<PortClaim>& claims) {
    ClaimBook& book = services_.claims();
    for (const auto& list : {book.of(draft.index), claims}) {
        for (const PortClaim& claim : list)
            draft.endpoints.insert(claim.endpoint);
    }
    book.put(draft.index, claims);
}

Result<void> BatchPlan::add(const AddService& add) {
    if (auto same = require_one_family(add.key, add.options); !same) return same;
    if (find(add.key) != nullptr || (services_.find(add.key) && !by_key_.contains(add.key))) {
        return fail(fmt::format("virtual server {} exists already", add.key.to_string()));
    }
    Draft draft;
    draft.key = add.key;
    draft.options = add.options;
    draft.operations.push_back(current_);
    if (!named_) named_ = servers_.services_with_entries();
    const auto index = services_.reserve(*named_);
    if (!index) return fail(index.error());
    draft.index = *index;
    if (auto free = claim(draft, add.options); !free) {
        static_cast<void>(services_.forget(*index));
        return free;
    }
    if (services_.was_used(*index)) servers_.forget_servers_of(*index);
    change(draft, schedule_as(add.key, add.options));
    by_key_[add.key] = &drafts_.emplace_back(std::move(draft));
    return {};
}

Result<void> BatchPlan::edit(const EditService& edit) {
    if (auto same = require_one_family(edit.key, edit.options); !same) return same;
    return draft_of(edit.key).and_then([&](Draft* draft) -> Result<void> {
        if (auto fits = check_pool(edit.options.scheduler, draft->pool.members.size()); !fits) {
            return fits;
        }
        if (auto free = claim(*draft, edit.options); !free) return free;
        draft->options = edit.options;
        change(*draft, schedule_as(edit.key, edit.options));
        return {};
    });
}

Result<void> BatchPlan::remove(const RemoveService& remove) {
    return draft_of(remove.key).and_then([&](Draft* draft) -> Result<void> {
        draft->exists = false;
        put_claims(*draft, {});
        return {};
    });
}

Result<void> BatchPlan::add_server(const AddServer& add) {
    return draft_of(add.service).and_then([&](Draft* draft) -> Result<void> {
        const bool v6 = add.service.address.is_v6();
        if (auto fits = require_family(add.service, v6, add.server); !fits) return fits;
        if (draft->members.contains(add.server.key)) {
            return fail(fmt::format("{} has real server {} already", add.service.to_string(),
                                    add.server.key.to_string()));
        }
        if (auto fits = check_pool(draft->options.scheduler, draft->pool.members.size() + 1);
            !fits) {
            return fits;
        }
        const auto leaver = std::ranges::find_if(draft->removed, [&](const auto& entry) {
            return servers_.server(entry.first, 0).key == add.server.key;
        });
        std::uint32_t index = 0;
        if (leaver != draft->removed.end()) {
            index = leaver->first;
            draft->removed.erase(leaver);
        } else {
            const auto reserved = servers_.reserve(draft->index, add.server.key);
            if (!reserved) return fail(reserved.error());
            index = *reserved;
        }
        draft->members[add.server.key] = index;
        draft->written[index] = add.server;
        draft->levels |= draft->options.quiesce_server;
        change(*draft, {PoolChange::Kind::add, {index, add.server.weight}});
        return {};
    });
}

Result<void> BatchPlan::edit_server(const EditServer& edit) {
    return draft_of(edit.service).and_then([&](Draft* draft) -> Result<void> {
        const bool v6 = edit.service.address.is_v6();
        if (auto fits = require_family(edit.service, v6, edit.server); !fits) return fits;
        const auto member = draft->members.find(edit.server.key);
        if (member == draft->members.end()) return unknown_server(edit.service, edit.server.key);
        const std::uint32_t index = member->second;
        const auto place = std::ranges::find(draft->pool.members, index, &PoolMember::server);
        // One that was drained and takes part again joins as well.
        draft->levels |=
            draft->options.quiesce_server && place->weight == 0 && edit.server.weight != 0;
        draft->written[index] = edit.server;
        change(*draft, {PoolChange::Kind::edit, {index, edit.server.weight}});
        return {};
    });
}

Result<void> BatchPlan::remove_server(const RemoveServer& remove) {
    return draft_of(remove.service).and_then([&](Draft* draft) -> Result<void> {
        const auto member = draft->members.find(remove.server);
        if (member == draft->members.end()) return unknown_server(remove.service, remove.server);
        const std::uint32_t index = member->second;
        draft->members.erase(member);
        draft->written.erase(index);
        if (std::ranges::count(draft->old_pool.members, index, &PoolMember::server) > 0) {
            draft->removed[index] = remove.connections;
        }
        change(*draft, {PoolChange::Kind::remove, {index, 0}});
        return {};
    });
}

}  // namespace shoal::dataplane

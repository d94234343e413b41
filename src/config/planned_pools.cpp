#include "config/planned_pools.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace shoal::config {

namespace {

const RunningService not_running;

/// Keys of a virtual server, and of what is in it.
constexpr std::array<std::string_view, 11> share_keys{
    "scheduler", "scheduler_flags",   "mh_table_size", "firewall_mark", "active",  "address",
    "quorum",    "quorum_hysteresis", "sorry_server",  "port",          "protocol"};
constexpr std::array<std::string_view, 4> server_share_keys{"weight", "active", "address", "port"};

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& keys, std::string_view key) {
    return std::ranges::find(keys, key) != keys.end();
}

std::map<ServerEndpoint, std::string> names_of(const Group* group) {
    std::map<ServerEndpoint, std::string> names;
    if (group == nullptr) return names;
    for (const auto* service : *group) {
        for (const auto& server : service->real_servers)
            names.emplace(endpoint_of(*service, server), server.name);
    }
    if (const auto sorry = sorry_endpoint(*group)) names.emplace(*sorry, "sorry server");
    return names;
}

std::map<ServerEndpoint, double> by_endpoint(const std::optional<Pool>& pool,
                                             const std::optional<Shares>& shares) {
    std::map<ServerEndpoint, double> all;
    for (std::size_t place = 0; shares && place < pool->members.size(); ++place)
        all[pool->members[place].endpoint] = shares->members[place];
    return all;
}

std::optional<double> at(const std::map<ServerEndpoint, double>& shares,
                         const ServerEndpoint& endpoint) {
    const auto found = shares.find(endpoint);
    return found == shares.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

bool concerns_shares(const Difference& difference) {
    const auto& path = difference.path;
    if (difference.subject.service_before == nullptr && difference.subject.service_after == nullptr)
        return false;
    const bool is_table =
        difference.kind == DifferenceKind::added || difference.kind == DifferenceKind::removed;
    if (is_table) return true;
    if (path.size() < 2) return false;
    if (path[1].key != "real_server") return contains(share_keys, path[1].key);
    return path.size() == 3 && contains(server_share_keys, path[2].key);
}

PlannedGroup::PlannedGroup(std::optional<GroupOf> present, std::optional<GroupOf> candidate,
                           const RunningService& running)
    : running_(&running) {
    if (present) {
        present_ = &present->group;
        before_ = present_pool(*present, running);
    }
    if (candidate) {
        candidate_ = &candidate->group;
        after_ = future_pool(present, *candidate, running);
        wanted_ = active_endpoints(*candidate_);
        if (const auto sorry = sorry_endpoint(*candidate_)) wanted_.insert(*sorry);
        ends_ = candidate_->front()->removed_connections == model::RemovedConnections::end;
    }
    if (before_) shares_before_ = shares(*before_);
    if (after_) shares_after_ = shares(*after_);
    if (stays()) moved_ = config::moved(*before_, *after_);
}

bool PlannedGroup::leaves(const ServerEndpoint& endpoint) const {
    return goes() || !wanted_.contains(endpoint);
}

std::uint64_t PlannedGroup::connections_of(const ServerEndpoint& endpoint) const {
    const auto found = std::ranges::find(running_->servers, endpoint, &RunningServer::endpoint);
    return found == running_->servers.end() ? 0 : found->connections;
}

std::uint64_t PlannedGroup::ended_connections() const {
    std::uint64_t ended = 0;
    for (const auto& server : running_->servers) {
        if (ends_connections() && leaves(server.endpoint)) ended += server.connections;
    }
    return ended;
}

PlannedPool PlannedGroup::summary() const {
    PlannedPool summary{.virtual_servers = {}, .moved = moved_, .shares = {}};
    for (const auto* service : candidate_ ? *candidate_ : *present_)
        summary.virtual_servers.push_back(service->name);
    const auto shares_before = by_endpoint(before_, shares_before_);
    const auto shares_after = by_endpoint(after_, shares_after_);
    auto names = names_of(candidate_);
    names.merge(names_of(present_));
    for (const auto& [endpoint, name] : names) {
        PlannedShare share{name, at(shares_before, endpoint), at(shares_after, endpoint)};
        if (share.before || share.after) summary.shares.push_back(std::move(share));
    }
    return summary;
}

PlannedPools::PlannedPools(const model::Configuration& present,
                           const model::Configuration& candidate, const Running& running,
                           const std::vector<Difference>& found)
    : present_(present),
      candidate_(candidate),
      running_(running),
      groups_before_(present),
      groups_after_(candidate) {
    for (const auto& difference : found) {
        const auto& subject = difference.subject;
        std::set<PlannedGroup*> concerned{make(subject.service_before),
                                          make(subject.service_after)};
        concerned.erase(nullptr);
        if (!concerns_shares(difference)) continue;
        for (auto* group : concerned)
            ++group->share_changes;
    }
}

PlannedGroup* PlannedPools::make(const model::VirtualServer* service) {
    if (service == nullptr || !service->active) return nullptr;
    const auto key = Groups::key_of(*service);
    if (const auto known = groups_.find(key); known != groups_.end()) return &known->second;
    std::optional<GroupOf> before;
    std::optional<GroupOf> after;
    const auto* running = &not_running;
    if (const auto* group = groups_before_.find(key)) {
        before.emplace(present_, *group);
        const auto runs = running_.services.find(group->front()->name);
        if (runs != running_.services.end()) running = &runs->second;
    }
    if (const auto* group = groups_after_.find(key)) after.emplace(candidate_, *group);
    if (!before && !after) return nullptr;
    return &groups_.emplace(key, PlannedGroup(before, after, *running)).first->second;
}

const PlannedGroup* PlannedPools::find(const model::VirtualServer* service) const {
    if (service == nullptr || !service->active) return nullptr;
    const auto found = groups_.find(Groups::key_of(*service));
    return found == groups_.end() ? nullptr : &found->second;
}

std::vector<PlannedPool> PlannedPools::summaries() const {
    std::vector<PlannedPool> all;
    for (const auto& [key, group] : groups_) {
        if (group.stays() && group.before() != group.after()) all.push_back(group.summary());
    }
    return all;
}

std::uint64_t PlannedPools::ended_connections() const {
    std::uint64_t ended = 0;
    for (const auto& [key, group] : groups_)
        ended += group.ended_connections();
    return ended;
}

}  // namespace shoal::config

#include "config/pools.h"

#include <algorithm>

namespace shoal::config {

namespace {

/// As the file has a real server; of a mark's virtual servers the first one that has it, and active
/// only if it is so in all of them.
struct FileServer {
    ServerEndpoint endpoint;
    std::uint32_t weight = 1;
    bool active = true;
};

/// In the order of the file, each once.
std::vector<FileServer> file_servers(const Group& group) {
    std::vector<FileServer> servers;
    std::map<ServerEndpoint, std::size_t> places;
    for (const auto* service : group) {
        for (const auto& server : service->real_servers) {
            const auto endpoint = endpoint_of(*service, server);
            const auto [place, is_new] = places.emplace(endpoint, servers.size());
            if (is_new) servers.push_back({endpoint, server.weight, true});
            auto& known = servers[place->second];
            known.active = known.active && server.active;
        }
    }
    return servers;
}

bool has_flag(const model::VirtualServer& service, model::SchedulerFlag one,
              model::SchedulerFlag other) {
    return std::ranges::any_of(service.scheduler_flags,
                               [&](auto flag) { return flag == one || flag == other; });
}

std::optional<net::Address> only_destination(const GroupOf& of) {
    const auto& service = *of.group.front();
    if (!service.firewall_mark) return service.address.address;
    std::set<net::Address> addresses;
    for (const auto& rule : of.configuration.marks) {
        if (rule.value == service.firewall_mark &&
            rule.address.is_v6() == service.address.address.is_v6())
            addresses.insert(rule.address);
    }
    return addresses.size() == 1 ? std::optional(*addresses.begin()) : std::nullopt;
}

/// Without members.
Pool empty_pool(const GroupOf& of) {
    using enum model::SchedulerFlag;
    const auto& service = *of.group.front();
    return {.scheduler = service.scheduler,
            .hash_port = has_flag(service, sh_port, mh_port),
            .hash_fallback = has_flag(service, sh_fallback, mh_fallback),
            .mh_table_size = service.mh_table_size,
            .destination = only_destination(of)};
}

/// What the weight of a real server becomes that has `before` in the file and `in_force` now.
/// Loads and slow starts go on as they are.
std::uint32_t new_weight(std::uint32_t before, std::uint32_t after, std::uint32_t in_force,
                         std::uint32_t scale) {
    if (after == 0) return 0;
    if (before == 0 || in_force == 0) return after * scale;
    const auto exact = std::uint64_t{after} * in_force;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, (exact + before / 2) / before));
}

class Future {
  public:
    Future(const std::optional<GroupOf>& present, const GroupOf& candidate,
           const RunningService& running)
        : candidate_(candidate),
          running_(running),
          wanted_(file_servers(candidate.group)),
          pool_(empty_pool(candidate)) {
        if (!present) return;
        now_ = present_pool(*present, running).members;
        for (const auto& server : file_servers(present->group))
            old_weights_[server.endpoint] = server.weight;
    }

    Pool pool() && {
        keep_members();
        add_members();
        let_sorry_server_serve();
        return std::move(pool_);
    }

  private:
    bool is_usable(const FileServer& server) const {
        return server.active && !running_.unusable.contains(server.endpoint);
    }

    void keep_members() {
        std::map<ServerEndpoint, const FileServer*> by_endpoint;
        for (const auto& server : wanted_)
            by_endpoint[server.endpoint] = &server;
        for (auto member : now_) {
            const auto found = by_endpoint.find(member.endpoint);
            if (found == by_endpoint.end() || !found->second->active) continue;
            const auto& server = *found->second;
            const auto old = old_weights_.find(member.endpoint);
            member.weight = is_usable(server)
                                ? new_weight(old == old_weights_.end() ? 0 : old->second,
                                             server.weight, member.weight, running_.weight_scale)
                                : 0;
            if (member.weight != 0) member.last_weight = member.weight;
            pool_.members.push_back(member);
        }
    }

    /// One by one at the head of the list, as the director adds them.
    void add_members() {
        std::set<ServerEndpoint> there;
        for (const auto& member : now_)
            there.insert(member.endpoint);
        for (const auto& server : wanted_) {
            if (there.contains(server.endpoint) || !is_usable(server)) continue;
            const auto weight = server.weight * running_.weight_scale;
            pool_.members.insert(pool_.members.begin(), {server.endpoint, weight, weight});
        }
    }

    bool is_quorum_lost() const {
        const auto usable = static_cast<std::uint32_t>(std::ranges::count_if(
            pool_.members, [](const auto& member) { return member.weight > 0; }));
        return std::ranges::any_of(candidate_.group, [&](const auto* service) {
            const auto more = running_.quorum_lost ? service->quorum_hysteresis : 0;
            return usable < service->quorum + more;
        });
    }

    void let_sorry_server_serve() {
        using enum model::Scheduler;
        const auto sorry = sorry_endpoint(candidate_.group);
        if (!sorry || !is_quorum_lost()) return;
        auto& members = pool_.members;
        const bool hashes = pool_.scheduler == dh || pool_.scheduler == sh || pool_.scheduler == mh;
        std::erase_if(members, [&](const auto& each) { return hashes || each.endpoint == *sorry; });
        for (auto& member : members)
            member.weight = 0;
        members.insert(members.begin(), {*sorry, running_.weight_scale, running_.weight_scale});
    }

    const GroupOf& candidate_;
    const RunningService& running_;
    std::vector<FileServer> wanted_;
    std::vector<PoolMember> now_;
    std::map<ServerEndpoint, std::uint32_t> old_weights_;
    Pool pool_;
};

}  // namespace

Groups::Key Groups::key_of(const model::VirtualServer& service) {
    if (!service.firewall_mark)
        return {std::nullopt, service.address.address, service.port, service.protocol};
    const bool six = service.address.address.is_v6();
    return {service.firewall_mark, six ? net::Address::v6({}) : net::Address(), {}, {}};
}

Groups::Groups(const model::Configuration& configuration) {
    for (const auto& service : configuration.virtual_servers) {
        if (service.active) groups_[key_of(service)].push_back(&service);
    }
}

const Group* Groups::find(const Key& key) const {
    const auto found = groups_.find(key);
    return found == groups_.end() ? nullptr : &found->second;
}

std::set<ServerEndpoint> active_endpoints(const Group& group) {
    std::set<ServerEndpoint> endpoints;
    for (const auto& server : file_servers(group)) {
        if (server.active) endpoints.insert(server.endpoint);
    }
    return endpoints;
}

std::optional<ServerEndpoint> sorry_endpoint(const Group& group) {
    const auto& service = *group.front();
    if (!service.sorry_server) return std::nullopt;
    return sorry_endpoint(service, *service.sorry_server);
}

Pool present_pool(const GroupOf& present, const RunningService& running) {
    auto pool = empty_pool(present);
    std::map<ServerEndpoint, std::uint32_t> weights;
    for (const auto& server : file_servers(present.group))
        weights[server.endpoint] = server.weight;
    for (const auto& server : running.servers) {
        // One that is drained had the weight of the file before.
        const auto last =
            server.weight != 0 ? server.weight : weights[server.endpoint] * running.weight_scale;
        pool.members.push_back({server.endpoint, server.weight, last});
    }
    return pool;
}

Pool future_pool(const std::optional<GroupOf>& present, const GroupOf& candidate,
                 const RunningService& running) {
    return Future(present, candidate, running).pool();
}

}  // namespace shoal::config

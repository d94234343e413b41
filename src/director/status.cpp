#include "director/status.h"

#include <algorithm>
#include <optional>

#include "director/index.h"
#include "director/marks.h"
#include "director/sorry_server.h"
#include "director/weights.h"

namespace shoal::director {

namespace {

/// Ports of the mark's rules that name this virtual server's address.
std::vector<model::PortRange> mark_ports(const model::Configuration& configuration,
                                         const model::VirtualServer& service) {
    std::vector<model::PortRange> ports;
    if (!service.firewall_mark) return ports;
    for (const auto& match : mark_matches(configuration, service_key(service))) {
        if (match.protocol == service.protocol && match.address == service.address.address)
            ports.push_back(match.port);
    }
    return ports;
}

/// What is known of all services.
struct Known {
    Known(const model::Configuration& configuration, const Findings& found)
        : services(found.state.services), loads(found.statistics.services), rates(found.rates) {
        for (const auto& group : service_groups(configuration))
            scales.emplace(group.key, weight_scale(group));
    }

    std::uint32_t scale_of(const model::VirtualServer& service) const {
        const auto found = scales.find(service_key(service));
        return found == scales.end() ? 1 : found->second;
    }

    Index<dataplane::Service> services;
    Index<dataplane::ServiceLoad> loads;
    const RateTable& rates;
    std::map<dataplane::ServiceKey, std::uint32_t> scales;
};

/// What is known of the servers of one virtual server.
class ServerStatus {
  public:
    ServerStatus(const model::VirtualServer& service, const Known& known)
        : key_(service_key(service)), rates_(known.rates) {
        // Others of its mark may be there.
        if (!service.active) return;
        if (const auto* present = known.services.find(key_)) servers_.emplace(present->servers);
        load_ = known.loads.find(key_);
        if (load_) loads_.emplace(load_->servers);
    }

    /// What the data plane holds and counts of `server`.
    model::RealServerStatus of(const dataplane::Server& server) const {
        model::RealServerStatus status;
        status.address = server.key.address;
        status.port = server.key.port;
        status.method = server.method;
        status.weight = server.weight;
        if (const auto* in_pool = servers_ ? servers_->find(server.key) : nullptr) {
            status.in_pool = true;
            status.weight_in_force = in_pool->weight;
        }
        if (const auto* counted = loads_ ? loads_->find(server.key) : nullptr) {
            status.overloaded = counted->overloaded;
            status.active_connections = counted->active;
            status.inactive_connections = counted->inactive;
            status.persistent_clients = counted->persistent;
            status.counters = counted->counters;
            status.rates = rates_.of(key_, server.key);
        }
        return status;
    }

    void add_to(model::VirtualServerStatus& status) const {
        if (!load_) return;
        status.counters = load_->counters;
        status.rates = rates_.of(key_);
    }

  private:
    dataplane::ServiceKey key_;
    const RateTable& rates_;
    const dataplane::ServiceLoad* load_ = nullptr;
    std::optional<Index<dataplane::Server>> servers_;
    std::optional<Index<dataplane::ServerLoad>> loads_;
};

void add_state(model::RealServerStatus& status, const StateEntry& entry) {
    status.state = entry.state;
    status.deadline_ms = entry.deadline_ms;
    status.until_ms = entry.until_ms;
    if (entry.until_ms) status.then = entry.then;
}

void add_load(model::RealServerStatus& status, const health::TargetLoad& load) {
    status.load = load.load;
    status.load_age_ms = load.age.count();
    status.load_problem = load.problem;
    status.weight_factor = load.per_mille;
}

model::RealServerStatus real_server_status(const model::Configuration& configuration,
                                           const model::VirtualServer& service,
                                           const model::RealServer& server,
                                           const ServerStatus& servers, const Findings& found) {
    auto status = servers.of({.key = server_key(service, server),
                              .weight = server.weight,
                              .method = model::forwarding_method(configuration, service, server)});
    status.name = server.name;
    status.enabled = server.active;
    const health::TargetId id{service.name, server.name};
    if (const auto entry = found.states.find(id); entry != found.states.end())
        add_state(status, entry->second);
    if (const auto verdict = found.health.find(id); verdict != found.health.end()) {
        status.health = verdict->second.health;
        status.reason = verdict->second.reason;
        status.since_ms = verdict->second.since_ms;
    }
    if (const auto load = found.loads.find(id); load != found.loads.end())
        add_load(status, load->second);
    return status;
}

model::VirtualServerStatus one_status(const model::Configuration& configuration,
                                      const model::VirtualServer& service, const Known& known,
                                      const Findings& found) {
    model::VirtualServerStatus status;
    status.name = service.name;
    status.active = service.active;
    status.address = service.address;
    status.port = service.port;
    status.protocol = service.protocol;
    status.firewall_mark = service.firewall_mark;
    status.mark_ports = mark_ports(configuration, service);
    status.scheduler = service.scheduler;
    if (service.persistence) status.persistence_ms = service.persistence->count();
    status.device = service.device.label;
    status.weight_scale = known.scale_of(service);
    status.quorum = service.quorum;
    if (const auto quorum = found.quorums.find(service.name); quorum != found.quorums.end()) {
        status.usable = quorum->second.usable;
        status.quorum_lost = quorum->second.lost;
    }
    const ServerStatus servers(service, known);
    servers.add_to(status);
    for (const auto& server : service.real_servers) {
        status.real_servers.push_back(
            real_server_status(configuration, service, server, servers, found));
    }
    if (const auto sorry = sorry_server(configuration, service)) {
        status.sorry_server = servers.of(*sorry);
        status.sorry_server->name = "sorry";
    }
    return status;
}

}  // namespace

std::vector<model::VirtualServerStatus> virtual_server_status(
    const model::Configuration& configuration, const Findings& found) {
    const Known known(configuration, found);
    std::vector<model::VirtualServerStatus> all;
    for (const auto& service : configuration.virtual_servers)
        all.push_back(one_status(configuration, service, known, found));
    return all;
}

std::uint64_t connections_of(const model::Configuration& configuration,
                             const health::TargetId& target,
                             const dataplane::Statistics& statistics) {
    std::uint64_t connections = 0;
    for (const auto& service : configuration.virtual_servers) {
        if (service.name != target.virtual_server) continue;
        const auto load = std::ranges::find(statistics.services, service_key(service),
                                            &dataplane::ServiceLoad::key);
        const auto server =
            std::ranges::find(service.real_servers, target.real_server, &model::RealServer::name);
        if (load == statistics.services.end() || server == service.real_servers.end()) continue;
        for (const auto& counted : load->servers) {
            if (counted.key == server_key(service, *server))
                connections += counted.active + counted.inactive;
        }
    }
    return connections;
}

std::vector<model::HookStatus> hook_status(const dataplane::State& state) {
    std::vector<model::HookStatus> hooks;
    for (const auto& [device, hook] : state.hooks) {
        const bool xdp = hook.attached == model::HookChoice::xdp;
        hooks.push_back({device, xdp ? "xdp" : "tc", hook.reason});
    }
    return hooks;
}

}  // namespace shoal::director

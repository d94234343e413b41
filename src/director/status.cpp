#include "director/status.h"

#include <optional>

#include "director/index.h"
#include "director/marks.h"
#include "director/sorry_server.h"

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
    explicit Known(const Findings& found)
        : services(found.state.services), loads(found.statistics.services), rates(found.rates) {}

    Index<dataplane::Service> services;
    Index<dataplane::ServiceLoad> loads;
    const RateTable& rates;
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

model::RealServerStatus real_server_status(const model::Configuration& configuration,
                                           const model::VirtualServer& service,
                                           const model::RealServer& server,
                                           const ServerStatus& servers,
                                           const health::HealthView& health) {
    auto status = servers.of({.key = server_key(service, server),
                              .weight = server.weight,
                              .method = model::forwarding_method(configuration, service, server)});
    status.name = server.name;
    status.enabled = server.active;
    if (const auto verdict = health.find({service.name, server.name}); verdict != health.end()) {
        status.health = verdict->second.health;
        status.reason = verdict->second.reason;
        status.since_ms = verdict->second.since_ms;
    }
    return status;
}

model::VirtualServerStatus one_status(const model::Configuration& configuration,
                                      const model::VirtualServer& service, const Known& known,
                                      const health::HealthView& health) {
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
    const ServerStatus servers(service, known);
    servers.add_to(status);
    for (const auto& server : service.real_servers) {
        status.real_servers.push_back(
            real_server_status(configuration, service, server, servers, health));
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
    const Known known(found);
    std::vector<model::VirtualServerStatus> all;
    for (const auto& service : configuration.virtual_servers)
        all.push_back(one_status(configuration, service, known, found.health));
    return all;
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

#include "director/status.h"

#include <algorithm>

#include "director/desired_state.h"

namespace shoal::director {

namespace {

template <class Entries, class Key>
const auto* find_entry(const Entries& entries, const Key& key) {
    const auto found = std::ranges::find_if(entries, [&](const auto& e) { return e.key == key; });
    return found == entries.end() ? nullptr : &*found;
}

void fill_health(model::RealServerStatus& status, const health::HealthView& health,
                 const health::TargetId& id) {
    const auto verdict = health.find(id);
    if (verdict == health.end()) return;
    status.health = verdict->second.health;
    status.reason = verdict->second.reason;
    status.since_ms = verdict->second.since_ms;
}

void fill_load(model::RealServerStatus& status, const dataplane::ServiceLoad* service,
               const dataplane::ServerKey& key) {
    if (!service) return;
    const auto* load = find_entry(service->servers, key);
    if (!load) return;
    status.active_connections = load->active;
    status.inactive_connections = load->inactive;
    status.counters = load->counters;
}

}  // namespace

model::VirtualServerStatus virtual_server_status(const model::Configuration& configuration,
                                                 const model::VirtualServer& service,
                                                 const health::HealthView& health,
                                                 const dataplane::State& state,
                                                 const dataplane::Statistics& statistics) {
    model::VirtualServerStatus status;
    status.name = service.name;
    status.active = service.active;
    status.address = service.address;
    status.port = service.port;
    status.protocol = service.protocol;
    status.scheduler = service.scheduler;
    status.device = service.device.label;

    const auto* present = find_entry(state.services, service_key(service));
    const auto* load = find_entry(statistics.services, service_key(service));
    if (load) status.counters = load->counters;
    for (const auto& server : service.real_servers) {
        model::RealServerStatus real;
        real.name = server.name;
        real.address = server.address;
        real.port = model::real_port(service, server);
        real.method = model::forwarding_method(configuration, service, server);
        real.weight = server.weight;
        real.enabled = server.active;
        const auto key = server_key(service, server);
        real.in_pool = present && find_entry(present->servers, key);
        fill_health(real, health, {service.name, server.name});
        fill_load(real, load, key);
        status.real_servers.push_back(std::move(real));
    }
    return status;
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

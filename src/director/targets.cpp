#include "director/targets.h"

#include "director/index.h"
#include "director/marks.h"

namespace shoal::director {

namespace {

health::Target target_of(const model::Configuration& configuration,
                         const model::VirtualServer& service, const model::RealServer& server) {
    health::Target target{{service.name, server.name},
                          server.address,
                          model::check_port(configuration, service, server),
                          service.protocol,
                          service.monitor,
                          service.service_timeout,
                          service.reentry_time,
                          model::check_interval(service),
                          model::check_timeout(service)};
    if (target.port == 0) target.monitor.enabled = false;
    return target;
}

bool was_drained(const model::VirtualServer& service, const model::RealServer& server,
                 const dataplane::Server& present) {
    return service.on_failure == model::OnFailure::drain && present.weight == 0 &&
           server.weight > 0;
}

}  // namespace

std::vector<health::Target> check_targets(const model::Configuration& configuration) {
    std::vector<health::Target> targets;
    for (const auto& service : configuration.virtual_servers) {
        if (!service.active) continue;
        for (const auto& server : service.real_servers) {
            if (server.active) targets.push_back(target_of(configuration, service, server));
        }
    }
    return targets;
}

std::vector<health::TargetId> servers_in_pools(const model::Configuration& configuration,
                                               const dataplane::State& state) {
    std::vector<health::TargetId> up;
    const Index pools(state.services);
    for (const auto& service : configuration.virtual_servers) {
        const auto* pool = pools.find(service_key(service));
        if (!pool) continue;
        const Index servers(pool->servers);
        for (const auto& server : service.real_servers) {
            const auto* present = servers.find(server_key(service, server));
            if (present && !was_drained(service, server, *present))
                up.push_back({service.name, server.name});
        }
    }
    return up;
}

std::set<net::Address> server_addresses(const model::Configuration& configuration) {
    std::set<net::Address> addresses;
    for (const auto& service : configuration.virtual_servers) {
        for (const auto& server : service.real_servers)
            addresses.insert(server.address);
        if (service.sorry_server) addresses.insert(service.sorry_server->address);
    }
    return addresses;
}

}  // namespace shoal::director

#include "director/desired_state.h"

#include <algorithm>

namespace shoal::director {

namespace {

bool is_up(const health::HealthView& health, const model::VirtualServer& service,
           const model::RealServer& server) {
    const auto verdict = health.find({service.name, server.name});
    return verdict != health.end() && verdict->second.health == model::Health::up;
}

dataplane::Service desired_service(const model::Configuration& configuration,
                                   const health::HealthView& health,
                                   const model::VirtualServer& service) {
    dataplane::Service desired{service_key(service), service.scheduler, {}};
    for (const auto& server : service.real_servers) {
        if (!server.active || !is_up(health, service, server)) continue;
        desired.servers.push_back({server_key(service, server), server.weight,
                                   model::forwarding_method(configuration, service, server)});
    }
    return desired;
}

void add_once(std::vector<redundancy::FloatingAddress>& addresses,
              const redundancy::FloatingAddress& address) {
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
}

}  // namespace

dataplane::ServiceKey service_key(const model::VirtualServer& service) {
    return {service.protocol, service.address.address, service.port};
}

dataplane::ServerKey server_key(const model::VirtualServer& service,
                                const model::RealServer& server) {
    return {server.address, model::real_port(service, server)};
}

DesiredState desired_state(const model::Configuration& configuration,
                           const health::HealthView& health,
                           const std::set<std::string>& server_devices) {
    DesiredState desired;
    desired.timeouts = configuration.global.timeouts;
    std::set<std::string> devices = server_devices;
    if (const auto& router = configuration.global.nat_router) {
        desired.addresses.push_back({router->address, router->device});
        devices.insert(router->device.device);
    }
    for (const auto& service : configuration.virtual_servers) {
        if (!service.active) continue;
        desired.services.push_back(desired_service(configuration, health, service));
        add_once(desired.addresses, {service.address, service.device});
        devices.insert(service.device.device);
    }
    for (const auto& device : devices) {
        desired.hooks[device] = model::hook_of(configuration, device);
    }
    return desired;
}

}  // namespace shoal::director

#include "director/desired_state.h"

#include <algorithm>

#include "director/marks.h"
#include "director/sorry_server.h"

namespace shoal::director {

namespace {

using model::SchedulerFlag;

/// A real server of all virtual servers of a group that have it.
struct Candidate {
    dataplane::Server server;
    /// What the file says.
    bool active = true;
    /// Every one of the virtual servers that have it says so.
    bool up = true;
};

bool is_up(const health::HealthView& health, const model::VirtualServer& service,
           const model::RealServer& server) {
    const auto verdict = health.find({service.name, server.name});
    return verdict != health.end() && verdict->second.health == model::Health::up;
}

dataplane::Server server_of(const model::Configuration& configuration,
                            const model::VirtualServer& service, const model::RealServer& server) {
    const auto method = model::forwarding_method(configuration, service, server);
    return {
        server_key(service, server), server.weight,          method,
        server.upper_threshold,      server.lower_threshold, tunnel_of(method, service, server)};
}

/// In the order of the file, each once.
std::vector<Candidate> candidates(const model::Configuration& configuration,
                                  const health::HealthView& health, const ServiceGroup& group) {
    std::vector<Candidate> all;
    std::map<dataplane::ServerKey, std::size_t> places;
    for (const auto* service : group.virtual_servers) {
        for (const auto& server : service->real_servers) {
            const auto [place, is_new] = places.emplace(server_key(*service, server), all.size());
            if (is_new) all.push_back({.server = server_of(configuration, *service, server)});
            auto& candidate = all[place->second];
            candidate.active = candidate.active && server.active;
            candidate.up = candidate.up && is_up(health, *service, server);
        }
    }
    return all;
}

bool has_flag(const model::VirtualServer& service, SchedulerFlag flag) {
    return std::ranges::find(service.scheduler_flags, flag) != service.scheduler_flags.end();
}

/// A rule may name the address of a virtual server that is not active, and then the director does
/// not have it: those packets are somebody else's.
std::vector<dataplane::MarkMatch> matches_of(const model::Configuration& configuration,
                                             const dataplane::ServiceKey& mark) {
    auto matches = mark_matches(configuration, mark);
    std::set<net::Address> owned;
    for (const auto& service : configuration.virtual_servers) {
        if (service.active) owned.insert(service.address.address);
    }
    std::erase_if(matches, [&](const auto& match) { return !owned.contains(match.address); });
    return matches;
}

dataplane::ServiceOptions options_of(const model::Configuration& configuration,
                                     const ServiceGroup& group) {
    const auto& service = group.first();
    dataplane::ServiceOptions options{
        .scheduler = service.scheduler,
        .hash_port =
            has_flag(service, SchedulerFlag::sh_port) || has_flag(service, SchedulerFlag::mh_port),
        .hash_fallback = has_flag(service, SchedulerFlag::sh_fallback) ||
                         has_flag(service, SchedulerFlag::mh_fallback),
        .mh_table_size = service.mh_table_size,
        .persistence = model::persistence_of(service),
        .one_packet = service.one_packet,
        .quiesce_server = service.quiesce_server,
        .allow = service.allow,
        .deny = service.deny};
    if (group.key.mark != 0) options.matches = matches_of(configuration, group.key);
    return options;
}

void add_service(DesiredState& desired, const model::Configuration& configuration,
                 const health::HealthView& health, const ServiceGroup& group) {
    dataplane::Service service{group.key, options_of(configuration, group), {}};
    auto& departures = desired.departures[group.key];
    departures.removed = group.first().removed_connections;
    const bool drains = group.first().on_failure == model::OnFailure::drain;
    for (auto& candidate : candidates(configuration, health, group)) {
        if (!candidate.active) continue;
        if (!candidate.up && !drains) {
            departures.failed.insert(candidate.server.key);
            continue;
        }
        // Drained, it keeps its place: also before its first check, or one that a restarted shoald
        // finds drained would lose its connections.
        if (!candidate.up) candidate.server.weight = 0;
        service.servers.push_back(candidate.server);
    }
    if (const auto sorry = sorry_server(configuration, group.first())) {
        departures.sorry_server = sorry->key;
        let_sorry_server_serve(*sorry, service.servers);
    }
    desired.services.push_back(std::move(service));
}

void add_once(std::vector<redundancy::FloatingAddress>& addresses,
              const redundancy::FloatingAddress& address) {
    if (std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
}

}  // namespace

model::RemovedConnections Departures::connections_of(const dataplane::ServerKey& server) const {
    if (failed.contains(server)) return model::RemovedConnections::end;
    if (sorry_server == server) return model::RemovedConnections::keep;
    return removed;
}

DesiredState desired_state(const model::Configuration& configuration,
                           const health::HealthView& health,
                           const std::set<std::string>& server_devices) {
    DesiredState desired;
    desired.timeouts = configuration.global.timeouts;
    desired.secure_tcp = configuration.global.secure_tcp;
    desired.table_size = configuration.global.table_size;
    std::set<std::string> devices = server_devices;
    if (const auto& router = configuration.global.nat_router) {
        desired.addresses.push_back({router->address, router->device});
        devices.insert(router->device.device);
    }
    for (const auto& group : service_groups(configuration)) {
        add_service(desired, configuration, health, group);
        for (const auto* service : group.virtual_servers) {
            add_once(desired.addresses, {service->address, service->device});
            devices.insert(service->device.device);
        }
    }
    for (const auto& device : devices) {
        desired.hooks[device] = model::hook_of(configuration, device);
    }
    return desired;
}

}  // namespace shoal::director

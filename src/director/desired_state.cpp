#include "director/desired_state.h"

#include <algorithm>

#include "director/candidates.h"
#include "director/marks.h"
#include "director/quorum.h"
#include "director/sorry_server.h"
#include "director/weights.h"

namespace shoal::director {

namespace {

using model::SchedulerFlag;

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

/// Whether the connections of a real server that is not in the pool end.
bool leaves(const Candidate& candidate, bool failed_ones_drain) {
    if (candidate.state == model::AdministrativeState::disabled) return true;
    return candidate.health != model::Health::up && !failed_ones_drain;
}

/// Drained, a real server keeps its place: also before its first check, or one that a restarted
/// shoald finds drained would lose its connections.
std::uint32_t weight_of(const Candidate& candidate, std::uint32_t scale) {
    return candidate.is_usable() ? weight_in_force(candidate.server.weight, candidate.factor, scale)
                                 : 0;
}

void add_service(DesiredState& desired, const model::Configuration& configuration,
                 const Circumstances& now, const ServiceGroup& group) {
    dataplane::Service service{group.key, options_of(configuration, group), {}};
    auto& departures = desired.departures[group.key];
    departures.removed = group.first().removed_connections;
    const bool drains = group.first().on_failure == model::OnFailure::drain;
    const auto scale = weight_scale(group);
    const auto known = candidates(configuration, group, now);
    bool scaled = false;
    for (const auto& candidate : known) {
        if (!candidate.active) continue;
        if (leaves(candidate, drains)) {
            departures.ended.insert(candidate.server.key);
            continue;
        }
        service.servers.push_back(candidate.server);
        service.servers.back().weight = weight_of(candidate, scale);
        scaled = scaled || (candidate.is_usable() && candidate.factor != full_weight);
    }
    // Weights that the administrator wrote are his own.
    if (scaled && service.options.scheduler == model::Scheduler::wrr) interleave(service.servers);
    if (auto sorry = sorry_server(configuration, group.first())) {
        departures.sorry_server = sorry->key;
        sorry->weight = weight_in_force(sorry->weight, full_weight, scale);
        if (quorum_of(group, known, now.lost_quorums).lost)
            let_sorry_server_serve(service, *sorry, departures.kept);
    }
    desired.services.push_back(std::move(service));
}

}  // namespace

model::RemovedConnections Departures::connections_of(const dataplane::ServerKey& server) const {
    if (ended.contains(server)) return model::RemovedConnections::end;
    if (sorry_server == server || kept.contains(server)) return model::RemovedConnections::keep;
    return removed;
}

DesiredState desired_state(const model::Configuration& configuration, const Circumstances& now,
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
    // With the label, which names the device too.
    std::set<std::pair<net::Prefix, std::string>> addresses;
    for (const auto& address : desired.addresses)
        addresses.emplace(address.address, address.device.label);
    for (const auto& group : service_groups(configuration)) {
        add_service(desired, configuration, now, group);
        for (const auto* service : group.virtual_servers) {
            if (addresses.emplace(service->address, service->device.label).second)
                desired.addresses.push_back({service->address, service->device});
            devices.insert(service->device.device);
        }
    }
    for (const auto& device : devices) {
        desired.hooks[device] = model::hook_of(configuration, device);
    }
    return desired;
}

}  // namespace shoal::director

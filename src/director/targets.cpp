#include "director/targets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "director/index.h"
#include "director/marks.h"
#include "model/text.h"

namespace shoal::director {

using model::MonitorType;

namespace {

/// Those that a connection is needed for ask over TCP, whatever the virtual server balances.
model::Protocol check_protocol(const model::VirtualServer& service, const model::Monitor& monitor) {
    if (monitor.protocol) return *monitor.protocol;
    switch (monitor.type) {
        case MonitorType::none:
        case MonitorType::text:
        case MonitorType::program:
        case MonitorType::dns:
        case MonitorType::icmp:
        case MonitorType::sip:
            return service.protocol;
        default:
            return model::Protocol::tcp;
    }
}

bool needs_port(const model::Monitor& monitor) {
    return monitor.type != MonitorType::icmp && monitor.type != MonitorType::program;
}

/// Unset where the check goes to the real server's own address.
std::optional<dataplane::ClientWay> way_of(const model::Configuration& configuration,
                                           const model::VirtualServer& service,
                                           const model::RealServer& server,
                                           const model::Monitor& monitor) {
    if (monitor.to != model::CheckTo::virtual_address || !is_checked(monitor)) return std::nullopt;
    const auto method = model::forwarding_method(configuration, service, server);
    return dataplane::ClientWay{service.address.address, method,
                                model::tunnel_of(method, service, server)};
}

health::Target target_of(const model::Configuration& configuration,
                         const model::VirtualServer& service, const model::RealServer& server) {
    const auto monitor = model::monitor_of(service, server);
    health::Target target{.id = {service.name, server.name},
                          .address = monitor.address.value_or(server.address),
                          .port = model::check_port(configuration, service, server),
                          .protocol = check_protocol(service, monitor),
                          .monitor = monitor,
                          .service_timeout = service.service_timeout,
                          .reentry_time = service.reentry_time,
                          .interval = model::check_interval(service),
                          .timeout = model::check_timeout(service),
                          .virtual_address = service.address.address,
                          .flap_damping = service.flap_damping};
    if (target.port == 0 && needs_port(monitor)) target.monitor.type = MonitorType::none;
    target.way = way_of(configuration, service, server, target.monitor);
    return target;
}

bool is_disabled(const StateView& states, const health::TargetId& target) {
    const auto found = states.find(target);
    return found != states.end() && found->second == model::AdministrativeState::disabled;
}

/// Either name may have a '/' of its own.
bool means(const TargetName& name, const health::TargetId& target) {
    const auto& [service, server] = target;
    if (name.virtual_server) return *name.virtual_server == service && name.real_server == server;
    return name.real_server == service + "/" + server;
}

/// What to say where `name` means nobody.
std::string nobody(const model::Configuration& configuration, const TargetName& name) {
    const auto said =
        name.virtual_server ? *name.virtual_server + "/" + name.real_server : name.real_server;
    std::vector<std::string> others;
    for (const auto& service : configuration.virtual_servers) {
        if (!said.starts_with(service.name + "/")) continue;
        for (const auto& server : service.real_servers)
            others.push_back(model::in_quotes(server.name));
        return fmt::format("virtual server {} has no such real server; it has {}",
                           model::in_quotes(service.name), fmt::join(others, ", "));
    }
    for (const auto& service : configuration.virtual_servers)
        others.push_back(model::in_quotes(service.name));
    return fmt::format("{} is no real server, written VIRTUAL/REAL; the virtual servers are {}",
                       model::in_quotes(said), fmt::join(others, ", "));
}

bool was_drained(const model::VirtualServer& service, const model::RealServer& server,
                 const dataplane::Server& present) {
    return service.on_failure == model::OnFailure::drain && present.weight == 0 &&
           server.weight > 0;
}

}  // namespace

dataplane::CheckPlaces check_places(const std::vector<health::Target>& targets,
                                    std::set<std::string> devices) {
    dataplane::CheckPlaces places{.devices = std::move(devices)};
    for (const auto& target : targets) {
        if (target.way) (target.address.is_v6() ? places.ipv6 : places.ipv4) = true;
    }
    return places;
}

std::vector<health::Target> check_targets(const model::Configuration& configuration,
                                          const StateView& states) {
    std::vector<health::Target> targets;
    for (const auto& service : configuration.virtual_servers) {
        if (!service.active) continue;
        for (const auto& server : service.real_servers) {
            if (server.active && !is_disabled(states, {service.name, server.name}))
                targets.push_back(target_of(configuration, service, server));
        }
    }
    return targets;
}

Result<health::TargetId> find_target(const model::Configuration& configuration,
                                     const TargetName& name) {
    std::vector<health::TargetId> meant;
    for (const auto& service : configuration.virtual_servers) {
        for (const auto& server : service.real_servers) {
            health::TargetId target{service.name, server.name};
            if (means(name, target)) meant.push_back(std::move(target));
        }
    }
    if (meant.empty()) return fail(nobody(configuration, name));
    if (meant.size() == 1) return meant.front();
    return fail(fmt::format(
        "{} may be {} of {} or {} of {}; give the two names one by one",
        model::in_quotes(name.real_server), model::in_quotes(meant[0].real_server),
        model::in_quotes(meant[0].virtual_server), model::in_quotes(meant[1].real_server),
        model::in_quotes(meant[1].virtual_server)));
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

SignalIndex signal_index(const model::Configuration& configuration) {
    SignalIndex index;
    for (const auto& service : configuration.virtual_servers) {
        for (const auto& server : service.real_servers)
            index[{service_key(service), server_key(service, server)}].push_back(
                {service.name, server.name});
    }
    return index;
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

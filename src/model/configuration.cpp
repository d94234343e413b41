#include "model/configuration.h"

#include <algorithm>

namespace shoal::model {

ForwardingMethod forwarding_method(const Configuration& configuration, const VirtualServer& service,
                                   const RealServer& server) {
    if (server.network_type) return *server.network_type;
    return service.network_type.value_or(configuration.global.network_type);
}

Tunnel tunnel_of(ForwardingMethod method, const VirtualServer& service, const RealServer& server) {
    if (method != ForwardingMethod::tunnel) return {};
    Tunnel tunnel{server.tunnel_type.value_or(service.tunnel_type.value_or(TunnelType::ipip))};
    if (tunnel.type == TunnelType::gue)
        tunnel.port =
            server.tunnel_port.value_or(service.tunnel_port.value_or(default_tunnel_port));
    return tunnel;
}

std::uint16_t real_port(const VirtualServer& service, const RealServer& server) {
    if (server.port) return *server.port;
    return !service.firewall_mark && service.port.is_single() ? service.port.first : 0;
}

std::uint16_t check_port(const Configuration& configuration, const VirtualServer& service,
                         const RealServer& server) {
    if (server.monitor.port) return *server.monitor.port;
    if (service.monitor.port) return *service.monitor.port;
    if (server.port) return *server.port;
    if (!service.firewall_mark || !service.port.is_any()) return service.port.first;
    for (const MarkRule& rule : configuration.marks) {
        const bool matches = rule.value == *service.firewall_mark &&
                             rule.address.is_v6() == service.address.address.is_v6() &&
                             rule.protocol == service.protocol && !rule.ports.empty();
        if (matches) return rule.ports.front().first;
    }
    return 0;
}

std::optional<Persistence> persistence_of(const VirtualServer& service) {
    if (!service.persistence) return std::nullopt;
    Persistence persistence{.timeout = *service.persistence,
                            .keep_quiesced = service.keep_quiesced_clients};
    if (service.persistence_netmask) {
        const auto length = service.persistence_netmask->length;
        (service.address.address.is_v6() ? persistence.netmask_v6 : persistence.netmask) = length;
    }
    return persistence;
}

std::size_t count_real_servers(const Configuration& configuration) {
    std::size_t count = 0;
    for (const auto& service : configuration.virtual_servers)
        count += service.real_servers.size() + (service.sorry_server ? 1 : 0);
    return count;
}

std::size_t most_real_servers(Scheduler scheduler) {
    switch (scheduler) {
        case Scheduler::lblc:
        case Scheduler::lblcr:
        case Scheduler::twos:
            return max_linear_pool;
        default:
            return max_pool;
    }
}

Monitor monitor_of(const VirtualServer& service, const RealServer& server) {
    Monitor monitor = service.monitor;
    const auto override_with = [](auto& member, const auto& own) {
        if (own) member = *own;
    };
    const auto& own = server.monitor;
    if (own.address) monitor.address = own.address;
    if (own.port) monitor.port = own.port;
    override_with(monitor.to, own.to);
    override_with(monitor.send, own.send);
    override_with(monitor.expect, own.expect);
    override_with(monitor.path, own.path);
    override_with(monitor.host, own.host);
    override_with(monitor.server_name, own.server_name);
    override_with(monitor.query_name, own.query_name);
    return monitor;
}

milliseconds check_interval(const VirtualServer& service) {
    return service.monitor.interval.value_or(service.service_timeout / 3);
}

milliseconds check_timeout(const VirtualServer& service) {
    return service.monitor.timeout.value_or(check_interval(service) / 2);
}

Monitor default_monitor(Protocol protocol, std::uint16_t port) {
    Monitor monitor;
    if (protocol == Protocol::tcp && port == 80) {
        monitor.send = "GET / HTTP/1.0\r\n\r\n";
        monitor.expect = "HTTP";
    }
    return monitor;
}

HookChoice hook_of(const Configuration& configuration, const std::string& device) {
    const auto entry = std::ranges::find(configuration.devices, device, &Device::name);
    return entry == configuration.devices.end() ? configuration.global.hook : entry->hook;
}

}  // namespace shoal::model

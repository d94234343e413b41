#include "model/configuration.h"

#include <algorithm>

namespace shoal::model {

ForwardingMethod forwarding_method(const Configuration& configuration, const VirtualServer& service,
                                   const RealServer& server) {
    if (server.network_type) return *server.network_type;
    return service.network_type.value_or(configuration.global.network_type);
}

std::uint16_t real_port(const VirtualServer& service, const RealServer& server) {
    return server.port.value_or(service.port);
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

#include "dataplane/connection_filter.h"

#include <algorithm>

namespace shoal::dataplane {

namespace {

bool is_of(const ServiceKey& service, const model::Connection& connection) {
    if (service.mark != 0)
        return service.mark == connection.mark &&
               service.address.is_v6() == connection.virtual_address.is_v6();
    return service.protocol == connection.protocol &&
           service.address == connection.virtual_address &&
           service.port.contains(connection.virtual_port);
}

bool takes(const PacketKind& kind, model::Protocol protocol, const net::Address& address,
           const model::PortRange& ports) {
    return kind.protocol.value_or(protocol) == protocol &&
           kind.address.value_or(address) == address && (!kind.port || ports.contains(*kind.port));
}

}  // namespace

bool is_template(const model::Connection& connection) {
    return connection.state == "TEMPLATE";
}

bool matches(const ConnectionFilter& filter, const model::Connection& connection) {
    if (filter.client && *filter.client != connection.client) return false;
    if (filter.real_server && *filter.real_server != connection.real_address) return false;
    if (filter.state && *filter.state != connection.state) return false;
    if (is_template(connection)) return true;
    return takes(filter.packets, connection.protocol, connection.virtual_address,
                 connection.virtual_port) &&
           (!filter.service || is_of(*filter.service, connection));
}

bool takes_part(const ConnectionFilter& filter, const ServiceKey& service,
                const std::vector<MarkMatch>& marked) {
    if (filter.service && *filter.service != service) return false;
    if (filter.packets == PacketKind{}) return true;
    if (service.mark == 0)
        return takes(filter.packets, service.protocol, service.address, service.port);
    return std::ranges::any_of(marked, [&](const MarkMatch& match) {
        return takes(filter.packets, match.protocol, match.address, match.port);
    });
}

}  // namespace shoal::dataplane

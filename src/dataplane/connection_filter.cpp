#include "dataplane/connection_filter.h"

namespace shoal::dataplane {

namespace {

bool is_of(const ServiceKey& service, const model::Connection& connection) {
    if (service.mark != 0) return service.mark == connection.mark;
    return service.protocol == connection.protocol &&
           service.address == connection.virtual_address &&
           service.port.contains(connection.virtual_port);
}

}  // namespace

bool matches(const ConnectionFilter& filter, const model::Connection& connection) {
    if (filter.client && *filter.client != connection.client) return false;
    if (filter.real_server && *filter.real_server != connection.real_address) return false;
    if (filter.state && *filter.state != connection.state) return false;
    return !filter.service || is_of(*filter.service, connection);
}

}  // namespace shoal::dataplane

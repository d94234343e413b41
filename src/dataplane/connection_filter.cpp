#include "dataplane/connection_filter.h"

namespace shoal::dataplane {

bool matches(const ConnectionFilter& filter, const model::Connection& connection) {
    if (filter.client && *filter.client != connection.client) return false;
    if (filter.real_server && *filter.real_server != connection.real_address) return false;
    if (filter.state && *filter.state != connection.state) return false;
    return !filter.service ||
           *filter.service ==
               ServiceKey{connection.protocol, connection.virtual_address, connection.virtual_port};
}

}  // namespace shoal::dataplane

#include "director/sorry_server.h"

#include <algorithm>

namespace shoal::director {

std::optional<dataplane::Server> sorry_server(const model::Configuration& configuration,
                                              const model::VirtualServer& service) {
    if (!service.sorry_server) return std::nullopt;
    // Its port and method have the defaults of a real server's.
    model::RealServer like;
    like.address = service.sorry_server->address;
    like.port = service.sorry_server->port;
    like.network_type = service.sorry_server->network_type;
    const auto method = model::forwarding_method(configuration, service, like);
    return dataplane::Server{.key = server_key(service, like),
                             .weight = 1,
                             .method = method,
                             .tunnel = tunnel_of(method, service, like)};
}

void let_sorry_server_serve(const dataplane::Server& sorry, std::vector<dataplane::Server>& pool) {
    const auto is_usable = [](const dataplane::Server& server) { return server.weight > 0; };
    if (std::ranges::any_of(pool, is_usable)) return;
    const auto present = std::ranges::find(pool, sorry.key, &dataplane::Server::key);
    if (present == pool.end()) {
        pool.push_back(sorry);
    } else {
        present->weight = sorry.weight;
    }
}

}  // namespace shoal::director

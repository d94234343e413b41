#include "director/sorry_server.h"

#include <algorithm>

namespace shoal::director {

namespace {

/// A client whose slot is that of a real server of weight 0 finds nobody.
bool hashes(model::Scheduler scheduler) {
    using enum model::Scheduler;
    return scheduler == dh || scheduler == sh || scheduler == mh;
}

}  // namespace

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

void let_sorry_server_serve(dataplane::Service& service, const dataplane::Server& sorry,
                            std::set<dataplane::ServerKey>& kept) {
    auto& pool = service.servers;
    if (hashes(service.options.scheduler)) {
        for (const auto& server : pool) {
            if (server.key != sorry.key) kept.insert(server.key);
        }
        pool.clear();
    }
    for (auto& server : pool)
        server.weight = 0;
    const auto present = std::ranges::find(pool, sorry.key, &dataplane::Server::key);
    if (present == pool.end()) {
        pool.push_back(sorry);
    } else {
        present->weight = sorry.weight;
    }
}

}  // namespace shoal::director

#include "director/quorum.h"

#include <algorithm>

#include "director/index.h"
#include "director/sorry_server.h"

namespace shoal::director {

namespace {

bool is_lost(const model::VirtualServer& service, std::uint32_t usable, bool was_lost) {
    return usable < service.quorum + (was_lost ? service.quorum_hysteresis : 0);
}

bool is_lost(const ServiceGroup& group, std::uint32_t usable, const LostQuorums& before) {
    return std::ranges::any_of(group.virtual_servers, [&](const auto* service) {
        return is_lost(*service, usable, before.contains(service->name));
    });
}

bool sorry_server_serves(const dataplane::Service& pool, const dataplane::Server& sorry) {
    const auto present = std::ranges::find(pool.servers, sorry.key, &dataplane::Server::key);
    return present != pool.servers.end() && present->weight > 0 &&
           std::ranges::none_of(pool.servers, [&](const auto& server) {
               return server.key != sorry.key && server.weight > 0;
           });
}

}  // namespace

Quorum quorum_of(const ServiceGroup& group, std::span<const Candidate> candidates,
                 const LostQuorums& before) {
    const auto usable = std::ranges::count_if(candidates, &Candidate::is_usable);
    const auto hoped_for = std::ranges::count_if(candidates, &Candidate::may_be_usable);
    Quorum quorum{.all = static_cast<std::uint32_t>(candidates.size()),
                  .usable = static_cast<std::uint32_t>(usable)};
    quorum.lost = is_lost(group, quorum.usable, before);
    quorum.certain = quorum.lost == is_lost(group, static_cast<std::uint32_t>(hoped_for), before);
    return quorum;
}

LostQuorums lost_quorums_of(const model::Configuration& configuration,
                            const dataplane::State& state) {
    LostQuorums lost;
    const Index pools(state.services);
    for (const auto& service : configuration.virtual_servers) {
        const auto sorry = sorry_server(configuration, service);
        const auto* pool = pools.find(service_key(service));
        if (service.active && sorry && pool && sorry_server_serves(*pool, *sorry))
            lost.insert(service.name);
    }
    return lost;
}

}  // namespace shoal::director

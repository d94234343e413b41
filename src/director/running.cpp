#include "director/running.h"

#include <algorithm>
#include <optional>

#include "director/candidates.h"
#include "director/index.h"
#include "director/marks.h"
#include "director/weights.h"

namespace shoal::director {

namespace {

config::ServerEndpoint endpoint_of(const dataplane::ServerKey& key) {
    return {key.address, key.port};
}

void add_servers(config::RunningService& running, const dataplane::Service& service,
                 const dataplane::ServiceLoad* load) {
    std::optional<Index<dataplane::ServerLoad>> loads;
    if (load) loads.emplace(load->servers);
    for (const auto& server : service.servers) {
        auto& known = running.servers.emplace_back();
        known.endpoint = endpoint_of(server.key);
        known.weight = server.weight;
        const auto* counted = loads ? loads->find(server.key) : nullptr;
        if (!counted) continue;
        known.connections = std::uint64_t{counted->active} + counted->inactive;
        known.persistent_clients = counted->persistent;
    }
}

/// One that the file switches off is not checked, and nothing is known of it.
bool is_unusable(const Candidate& candidate) {
    if (candidate.state != model::AdministrativeState::enabled) return true;
    return candidate.active && candidate.health != model::Health::up;
}

}  // namespace

config::Running running_now(const model::Configuration& configuration, const Circumstances& now,
                            const dataplane::State& state,
                            const dataplane::Statistics& statistics) {
    config::Running running{.services = {}, .cells_used = statistics.table.used};
    const Index services(state.services);
    const Index loads(statistics.services);
    for (const auto& group : service_groups(configuration)) {
        config::RunningService service;
        service.weight_scale = weight_scale(group);
        if (const auto* present = services.find(group.key))
            add_servers(service, *present, loads.find(group.key));
        for (const auto& candidate : candidates(configuration, group, now)) {
            if (is_unusable(candidate)) service.unusable.insert(endpoint_of(candidate.server.key));
        }
        service.quorum_lost = std::ranges::any_of(group.virtual_servers, [&](const auto* each) {
            return now.lost_quorums.contains(each->name);
        });
        for (const auto* each : group.virtual_servers)
            running.services[each->name] = service;
    }
    return running;
}

}  // namespace shoal::director

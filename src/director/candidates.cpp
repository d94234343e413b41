#include "director/candidates.h"

#include <algorithm>
#include <map>

namespace shoal::director {

namespace {

using model::AdministrativeState;
using model::Health;

dataplane::Server server_of(const model::Configuration& configuration,
                            const model::VirtualServer& service, const model::RealServer& server) {
    const auto method = model::forwarding_method(configuration, service, server);
    return {
        server_key(service, server), server.weight,          method,
        server.upper_threshold,      server.lower_threshold, tunnel_of(method, service, server)};
}

template <class Value>
Value find_or(const std::map<health::TargetId, Value>& values, const health::TargetId& target,
              Value otherwise) {
    const auto found = values.find(target);
    return found == values.end() ? otherwise : found->second;
}

Health health_of(const health::HealthView& health, const health::TargetId& target) {
    const auto verdict = health.find(target);
    return verdict == health.end() ? Health::unknown : verdict->second.health;
}

Health worse(Health one, Health other) {
    if (one == Health::down || other == Health::down) return Health::down;
    return one == Health::up ? other : one;
}

void add_opinion(Candidate& candidate, const health::TargetId& target, bool active,
                 const Circumstances& now) {
    candidate.active = candidate.active && active;
    candidate.health = worse(candidate.health, health_of(now.health, target));
    candidate.state =
        std::max(candidate.state, find_or(now.states, target, AdministrativeState::enabled));
    const auto factor = find_or(now.factors, target, full_weight);
    candidate.factor = candidate.targets.empty() ? factor : std::min(candidate.factor, factor);
    candidate.targets.push_back(target);
}

}  // namespace

bool Candidate::is_usable() const {
    return may_be_usable() && health == Health::up;
}

bool Candidate::may_be_usable() const {
    return active && state == AdministrativeState::enabled && server.weight > 0 &&
           health != Health::down;
}

std::vector<Candidate> candidates(const model::Configuration& configuration,
                                  const ServiceGroup& group, const Circumstances& now) {
    std::vector<Candidate> all;
    std::map<dataplane::ServerKey, std::size_t> places;
    for (const auto* service : group.virtual_servers) {
        for (const auto& server : service->real_servers) {
            const auto [place, is_new] = places.emplace(server_key(*service, server), all.size());
            if (is_new) all.push_back({.server = server_of(configuration, *service, server)});
            add_opinion(all[place->second], {service->name, server.name}, server.active, now);
        }
    }
    return all;
}

}  // namespace shoal::director

#include "director/marks.h"

#include <algorithm>
#include <map>

namespace shoal::director {

dataplane::ServiceKey service_key(const model::VirtualServer& service) {
    dataplane::ServiceKey key;
    if (service.firewall_mark) {
        key.mark = *service.firewall_mark;
        if (service.address.address.is_v6()) key.address = net::Address::v6({});
    } else {
        key.protocol = service.protocol;
        key.address = service.address.address;
        key.port = service.port;
    }
    return key;
}

dataplane::ServerKey server_key(const model::VirtualServer& service,
                                const model::RealServer& server) {
    return {server.address, model::real_port(service, server)};
}

std::vector<ServiceGroup> service_groups(const model::Configuration& configuration) {
    std::vector<ServiceGroup> groups;
    std::map<dataplane::ServiceKey, std::size_t> places;
    for (const auto& service : configuration.virtual_servers) {
        if (!service.active) continue;
        const auto key = service_key(service);
        const auto [place, is_new] = places.emplace(key, groups.size());
        if (is_new) groups.push_back({key, {}});
        groups[place->second].virtual_servers.push_back(&service);
    }
    return groups;
}

std::vector<dataplane::MarkMatch> mark_matches(const model::Configuration& configuration,
                                               const dataplane::ServiceKey& mark) {
    std::vector<dataplane::MarkMatch> matches;
    for (const auto& rule : configuration.marks) {
        if (rule.value != mark.mark || rule.address.is_v6() != mark.address.is_v6()) continue;
        for (const auto& ports : rule.ports)
            matches.push_back({rule.protocol, rule.address, ports});
    }
    std::ranges::sort(matches);
    const auto doubles = std::ranges::unique(matches);
    matches.erase(doubles.begin(), doubles.end());
    return matches;
}

}  // namespace shoal::director

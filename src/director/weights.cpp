#include "director/weights.h"

#include <algorithm>

#include "director/circumstances.h"

namespace shoal::director {

namespace {

constexpr std::uint32_t finest_scale = 100;
constexpr std::uint32_t percent = 100;

bool has_loads(const model::VirtualServer& service) {
    return service.load_monitor.tool != model::LoadTool::none;
}

/// ovf's weights are numbers of connections, and sh's are numbers of its 256 slots: three servers
/// of 100 each would leave none for a fourth.
bool counts_weights(model::Scheduler scheduler) {
    return scheduler == model::Scheduler::ovf || scheduler == model::Scheduler::sh;
}

/// The greatest weight that the virtual server may come to, in percent of the file's unit.
std::uint64_t most_of(const model::VirtualServer& service) {
    std::uint64_t most = 1;
    for (const auto& server : service.real_servers)
        most = std::max<std::uint64_t>(most, server.weight);
    return most *
           (has_loads(service) ? std::max(service.load_monitor.greatest_weight, percent) : percent);
}

}  // namespace

std::uint32_t weight_scale(const ServiceGroup& group) {
    bool changing = false;
    std::uint64_t most = 1;
    for (const auto* service : group.virtual_servers) {
        changing = changing || has_loads(*service) || service->slow_start.count() > 0;
        most = std::max(most, most_of(*service));
    }
    if (!changing || counts_weights(group.first().scheduler)) return 1;
    const auto room = std::uint64_t{greatest_weight} * percent / most;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(room, 1, finest_scale));
}

std::uint32_t weight_in_force(std::uint32_t weight, std::uint32_t factor, std::uint32_t scale) {
    if (weight == 0) return 0;
    const auto exact = (std::uint64_t{weight} * scale * factor + full_weight / 2) / full_weight;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(exact, 1, greatest_weight));
}

}  // namespace shoal::director

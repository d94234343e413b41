#include "director/weights.h"

#include <algorithm>
#include <set>

#include "director/circumstances.h"

namespace shoal::director {

namespace {

constexpr std::uint32_t finest_scale = 100;
constexpr std::uint32_t percent = 100;
/// By that part of itself a weight is rounded at most.
constexpr std::uint32_t most_rounded = 50;

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

std::uint32_t rounded(std::uint32_t weight, std::uint32_t unit) {
    return (weight + unit / 2) / unit * unit;
}

std::uint32_t error_of(std::uint32_t weight, std::uint32_t unit) {
    const auto near = rounded(weight, unit);
    return near > weight ? near - weight : weight - near;
}

bool fits(std::uint32_t weight, std::uint32_t unit) {
    return rounded(weight, unit) <= greatest_weight &&
           error_of(weight, unit) * most_rounded <= weight;
}

/// The greatest whose multiples are near enough to all weights; 1 is near to all.
std::uint32_t greatest_unit(const std::set<std::uint32_t>& weights) {
    const auto least = *weights.begin();
    auto unit = std::min(least + least / most_rounded, greatest_weight);
    while (!std::ranges::all_of(weights, [&](auto weight) { return fits(weight, unit); }))
        --unit;
    return unit;
}

/// One that gives the same sequence and changes the weights less.
std::uint32_t nearest_unit(const std::set<std::uint32_t>& weights, std::uint32_t greatest) {
    const auto errors = [&](std::uint32_t unit) {
        std::uint64_t sum = 0;
        for (const auto weight : weights)
            sum += error_of(weight, unit);
        return sum;
    };
    const auto is_same = [&](std::uint32_t unit) {
        return std::ranges::all_of(weights, [&](auto weight) {
            return fits(weight, unit) &&
                   rounded(weight, unit) / unit == rounded(weight, greatest) / greatest;
        });
    };
    auto best = greatest;
    for (auto unit = greatest - 1; unit > 0 && is_same(unit); --unit)
        if (errors(unit) < errors(best)) best = unit;
    return best;
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

void interleave(std::vector<dataplane::Server>& servers) {
    std::set<std::uint32_t> weights;
    for (const auto& server : servers)
        if (server.weight > 0) weights.insert(server.weight);
    if (weights.empty()) return;
    const auto unit = nearest_unit(weights, greatest_unit(weights));
    for (auto& server : servers)
        server.weight = rounded(server.weight, unit);
}

std::uint32_t weight_in_force(std::uint32_t weight, std::uint32_t factor, std::uint32_t scale) {
    if (weight == 0) return 0;
    const auto exact = (std::uint64_t{weight} * scale * factor + full_weight / 2) / full_weight;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(exact, 1, greatest_weight));
}

}  // namespace shoal::director

#include "director/loads.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace shoal::director {

namespace {

using health::AgentState;
using model::AdministrativeState;

std::uint16_t load_port(const model::LoadMonitor& monitor, std::uint16_t check_port) {
    if (monitor.port) return *monitor.port;
    return monitor.tool == model::LoadTool::http ? check_port : std::uint16_t{0};
}

AdministrativeState wish_of(const health::TargetLoad& load) {
    switch (load.agent) {
        case AgentState::drain:
            return AdministrativeState::draining;
        case AgentState::maintenance:
            return AdministrativeState::maintenance;
        case AgentState::ready:
        case AgentState::down:
            break;
    }
    return AdministrativeState::enabled;
}

std::string what_is_wrong(const health::TargetLoad& load) {
    return load.problem.empty() ? "nothing was heard" : load.problem;
}

}  // namespace

std::vector<health::LoadTarget> load_targets(const model::Configuration& configuration) {
    std::vector<health::LoadTarget> targets;
    for (const auto& service : configuration.virtual_servers) {
        const auto& monitor = service.load_monitor;
        if (!service.active || monitor.tool == model::LoadTool::none) continue;
        for (const auto& server : service.real_servers) {
            if (!server.active) continue;
            const auto port = model::check_port(configuration, service, server);
            targets.push_back({.id = {service.name, server.name},
                               .address = server.address,
                               .port = load_port(monitor, port),
                               .monitor = monitor,
                               .service_port = port,
                               .virtual_address = service.address.address});
        }
    }
    return targets;
}

WeightFactors load_factors(const health::LoadView& loads) {
    WeightFactors factors;
    for (const auto& [target, load] : loads)
        factors.emplace(target, load.per_mille);
    return factors;
}

StateView with_wishes(StateView states, const health::LoadView& loads) {
    for (const auto& [target, load] : loads) {
        const auto wish = wish_of(load);
        if (wish == AdministrativeState::enabled) continue;
        auto& state = states.emplace(target, wish).first->second;
        state = std::max(state, wish);
    }
    return states;
}

health::HealthView with_agents(health::HealthView health, const health::LoadView& loads) {
    for (const auto& [target, load] : loads) {
        const auto known = health.find(target);
        if (load.agent != AgentState::down || known == health.end()) continue;
        if (known->second.health != model::Health::up) continue;
        known->second.health = model::Health::down;
        known->second.reason = "its agent says that it is down";
    }
    return health;
}

std::vector<std::string> load_problems(const health::LoadView& loads) {
    std::vector<std::string> problems;
    for (const auto& [target, load] : loads) {
        if (!load.lost) continue;
        problems.push_back(
            fmt::format("the load of {} of {} is not known, its weight is the file's: {}",
                        target.real_server, target.virtual_server, what_is_wrong(load)));
    }
    return problems;
}

Loads::Loads(boost::asio::io_context& loop, health::ProgramRunner* runner, Tell tell,
             std::function<void()> on_change)
    : tell_(std::move(tell)),
      on_change_(std::move(on_change)),
      monitors_(loop, runner,
                [this](const auto& target, const auto& load) { changed(target, load); }) {}

void Loads::follow(const model::Configuration& configuration) {
    monitors_.set_targets(load_targets(configuration));
    const auto known = monitors_.view();
    std::erase_if(lost_, [&](const auto& target) { return !known.contains(target); });
}

void Loads::changed(const health::TargetId& target, const health::TargetLoad& load) {
    if (!load.lost) {
        lost_.erase(target);
    } else if (lost_.insert(target).second) {
        tell_({model::EventKind::load_lost, target, what_is_wrong(load)});
    }
    on_change_();
}

}  // namespace shoal::director

#include "director/loads.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "director/loads_text.h"

namespace shoal::director {

namespace {

using health::AgentState;
using model::AdministrativeState;

std::uint16_t load_port(const model::LoadMonitor& monitor, std::uint16_t check_port) {
    if (monitor.port) return *monitor.port;
    return monitor.tool == model::LoadTool::http ? check_port : std::uint16_t{0};
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
        const auto wish = wish_of(load.agent);
        if (wish == AdministrativeState::enabled) continue;
        auto& state = states.emplace(target, wish).first->second;
        state = std::max(state, wish);
    }
    return states;
}

AdministrativeState wish_of(AgentState agent) {
    switch (agent) {
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

model::Health with_agent(model::Health health, AgentState agent) {
    const bool down = agent == AgentState::down && health == model::Health::up;
    return down ? model::Health::down : health;
}

std::string agent_in_words(const health::TargetLoad& load) {
    const auto words = [&] {
        switch (load.agent) {
            case AgentState::drain:
                return "its agent says drain";
            case AgentState::maintenance:
                return "its agent says maint";
            case AgentState::down:
                return "its agent says that it is down";
            case AgentState::ready:
                break;
        }
        return "its agent says that it is ready";
    }();
    return load.agent_reason.empty() ? words : fmt::format("{}: {}", words, load.agent_reason);
}

health::HealthView with_agents(health::HealthView health, const health::LoadView& loads) {
    for (const auto& [target, load] : loads) {
        const auto known = health.find(target);
        if (known == health.end()) continue;
        auto& verdict = known->second;
        const auto seen = with_agent(verdict.health, load.agent);
        if (std::exchange(verdict.health, seen) != seen) verdict.reason = agent_in_words(load);
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

Loads::Loads(boost::asio::io_context& loop, std::string memory_file, health::ProgramRunner* runner,
             Listener listener)
    : memory_file_(std::move(memory_file)),
      memory_timer_(loop),
      listener_(std::move(listener)),
      monitors_(loop, runner,
                [this](const auto& target, const auto& load) { changed(target, load); }) {}

Loads::~Loads() {
    if (changed_since_kept_) keep();
}

void Loads::follow(const model::Configuration& configuration) {
    monitors_.set_targets(load_targets(configuration), remembered());
    const auto known = monitors_.view();
    std::erase_if(lost_, [&](const auto& target) { return !known.contains(target); });
    agents_.clear();
    for (const auto& [target, load] : known)
        if (load.agent != AgentState::ready) agents_.emplace(target, load.agent);
    // What left the configuration is to be forgotten, too.
    keep_within(memory_pause);
}

void Loads::stop() {
    memory_timer_.cancel();
    if (changed_since_kept_) keep();
    // What is empty from now on is not to be written.
    stopped_ = true;
    changed_since_kept_ = false;
    monitors_.set_targets({});
}

void Loads::changed(const health::TargetId& target, const health::TargetLoad& load) {
    if (stopped_) return;
    if (!load.lost) {
        lost_.erase(target);
    } else if (lost_.insert(target).second) {
        listener_.tell({model::EventKind::load_lost, target, what_is_wrong(load)});
    }
    keep_within(memory_pause);
    note_agent(target, load);
    listener_.changed();
}

AgentState Loads::agent_of(const health::TargetId& target) const {
    const auto known = agents_.find(target);
    return known == agents_.end() ? AgentState::ready : known->second;
}

void Loads::note_agent(const health::TargetId& target, const health::TargetLoad& load) {
    const auto before = agent_of(target);
    if (before == load.agent) return;
    if (load.agent == AgentState::ready)
        agents_.erase(target);
    else
        agents_.insert_or_assign(target, load.agent);
    keep_within(agent_pause);
    listener_.agent_changed(target, before, load);
}

health::LoadMemories Loads::remembered() {
    std::error_code ignored;  // what cannot be looked at is not there
    if (std::exchange(begun_, true) || !std::filesystem::exists(memory_file_, ignored)) return {};
    const auto text = read_file(memory_file_, longest_loads_text);
    auto memories = text ? parse_loads(*text) : fail(text.error());
    if (memories) return kept_ = *memories;
    log(Message::operation_failed, "{}: {}; all loads and agents are asked anew", memory_file_,
        memories.error().message);
    return {};
}

void Loads::keep_within(Milliseconds pause) {
    const auto latest = Clock::now() + pause;
    if (std::exchange(changed_since_kept_, true) && memory_timer_.expiry() <= latest) return;
    memory_timer_.expires_at(latest);
    memory_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error && changed_since_kept_) keep();
    });
}

void Loads::keep() {
    changed_since_kept_ = false;
    memory_timer_.cancel();
    auto memories = monitors_.memories();
    if (memories == kept_) return;
    const auto written = write_file(memory_file_, loads_text(memories));
    if (written) {
        kept_ = std::move(memories);
        cannot_keep_ = false;
        return;
    }
    if (!std::exchange(cannot_keep_, true))
        log(Message::operation_failed, "{}", written.error().within("keeping loads").message);
    keep_within(memory_pause);
}

}  // namespace shoal::director

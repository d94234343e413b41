#include "director/health_report.h"

#include <algorithm>
#include <map>

#include "director/loads.h"
#include "director/targets.h"
#include "health/check_reason.h"

namespace shoal::director {

namespace {

constexpr std::size_t longest_heard = 256;

/// Without the quotation marks.
std::string safe_text(std::string_view bytes) {
    const auto quoted = health::in_quotes(bytes, longest_heard);
    return quoted.substr(1, quoted.size() - 2);
}

void add_verdict(model::TargetHealth& target, const health::Verdict& verdict) {
    target.health = verdict.health;
    target.since_ms = verdict.since_ms;
    target.reason = verdict.reason;
    target.heard = safe_text(verdict.heard);
    target.checks = verdict.checks;
    target.last_check_ms = verdict.last_check_ms;
    target.latency_us = verdict.latency_us;
    target.next_check_ms = verdict.next_check_ms;
}

void add_agent(model::TargetHealth& target, const health::TargetLoad& load) {
    if (load.agent == health::AgentState::ready) return;
    target.agent = agent_in_words(load);
    target.state = std::max(target.state, wish_of(load.agent));
    target.health = with_agent(target.health, load.agent);
}

}  // namespace

std::vector<model::TargetHealth> health_report(const model::Configuration& configuration,
                                               const health::HealthView& health,
                                               const StateView& states,
                                               const health::LoadView& loads) {
    std::vector<model::TargetHealth> report;
    // Of a disabled one it is seen what would be checked, too.
    for (const auto& checked : check_targets(configuration, {})) {
        auto& target = report.emplace_back();
        target.virtual_server = checked.id.virtual_server;
        target.real_server = checked.id.real_server;
        target.address = checked.address;
        target.port = checked.port;
        if (checked.way) target.virtual_address = checked.way->virtual_address;
        target.check = checked.monitor.type;
        if (const auto state = states.find(checked.id); state != states.end())
            target.state = state->second;
        if (const auto verdict = health.find(checked.id); verdict != health.end())
            add_verdict(target, verdict->second);
        if (const auto load = loads.find(checked.id); load != loads.end())
            add_agent(target, load->second);
    }
    return report;
}

}  // namespace shoal::director

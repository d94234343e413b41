#include "director/health_report.h"

#include <map>

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

}  // namespace

std::vector<model::TargetHealth> health_report(const model::Configuration& configuration,
                                               const health::HealthView& health,
                                               const StateView& states) {
    std::vector<model::TargetHealth> report;
    // Of a disabled one it is seen what would be checked, too.
    for (const auto& checked : check_targets(configuration, {})) {
        auto& target = report.emplace_back();
        target.virtual_server = checked.id.virtual_server;
        target.real_server = checked.id.real_server;
        target.address = checked.address;
        target.port = checked.port;
        target.check = checked.monitor.type;
        if (const auto state = states.find(checked.id); state != states.end())
            target.state = state->second;
        if (const auto verdict = health.find(checked.id); verdict != health.end())
            add_verdict(target, verdict->second);
    }
    return report;
}

}  // namespace shoal::director

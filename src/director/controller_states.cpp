#include "director/controller.h"
#include "director/event.h"
#include "director/health_report.h"
#include "director/status.h"
#include "director/targets.h"

// What the controller makes of verdicts, orders and time.

namespace shoal::director {

namespace {

constexpr std::chrono::seconds slow_start_step{1};

/// Of the real server, or of the virtual server where none is named; of a firewall mark none.
std::string address_of(const model::Configuration& configuration, const health::TargetId& target) {
    for (const auto& service : configuration.virtual_servers) {
        if (service.name != target.virtual_server) continue;
        if (target.real_server.empty() && !service.firewall_mark)
            return service.address.address.to_string();
        for (const auto& server : service.real_servers)
            if (server.name == target.real_server) return server.address.to_string();
    }
    return {};
}

}  // namespace

void Controller::signals_came(const std::vector<dataplane::Signal>& signals) {
    for (const auto& signal : signals) {
        const auto targets = signal_index_.find({signal.service, signal.server});
        if (targets == signal_index_.end()) continue;
        for (const auto& target : targets->second)
            health_.check_soon(target);
    }
}

void Controller::verdict_changed(const health::TargetId& id, const health::Verdict& verdict) {
    if (verdict.health != model::Health::unknown &&
        conditions_.state_of(id) != model::AdministrativeState::maintenance)
        tell(event_of(id, verdict));
    request_reconcile();
}

void Controller::advance_states(const dataplane::Statistics& statistics) {
    const auto has_connections = [&](const health::TargetId& id) {
        return connections_of(configuration_, id, statistics) > 0;
    };
    const auto changes = conditions_.advance(has_connections);
    if (changes.empty()) return;
    for (const auto& change : changes)
        state_changed(change);
    set_check_targets();
    reconcile_now();
}

void Controller::state_changed(const StateChange& change) {
    if (change.from == change.to) return;
    tell(event_of(change));
    const auto verdict = health_.view().find(change.target);
    const bool is_down =
        verdict != health_.view().end() && verdict->second.health == model::Health::down;
    if (change.from == model::AdministrativeState::maintenance && is_down)
        tell(event_of(verdict->first, verdict->second));
}

void Controller::tell(const Event& event) const {
    log_event(event);
    if (options_.notifier == nullptr) return;
    options_.notifier->tell({.kind = event.kind,
                             .virtual_server = event.target.virtual_server,
                             .real_server = event.target.real_server,
                             .address = address_of(configuration_, event.target),
                             .reason = event.text});
}

std::expected<health::TargetId, Refusal> Controller::set_state(const TargetName& name,
                                                               const StateOrder& order) {
    const auto target = find_target(configuration_, name);
    if (!target)
        return std::unexpected(Refusal{.unknown = true, .message = target.error().message});
    const auto change = conditions_.order(*target, order);
    if (!change) return std::unexpected(Refusal{.message = change.error().message});
    state_changed(*change);
    set_check_targets();
    reconcile_now();
    return *target;
}

model::HealthReport Controller::health() {
    return {.now_ms = wall_clock_ms(),
            .targets = health_report(configuration_, health_.view(), conditions_.states().view())};
}

void Controller::schedule_slow_start() {
    if (!conditions_.any_slow_start(Clock::now())) return;
    slow_start_timer_.expires_after(slow_start_step);
    slow_start_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) reconcile_now();
    });
}

}  // namespace shoal::director

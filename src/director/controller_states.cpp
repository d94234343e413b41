#include "director/controller.h"
#include "director/event.h"
#include "director/health_report.h"
#include "director/status.h"
#include "director/targets.h"

// What the controller makes of verdicts, orders and time.

namespace shoal::director {

namespace {

using model::Health;

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

/// A real server as its administrators, its checks and its agent have it.
struct Standing {
    model::AdministrativeState state = model::AdministrativeState::enabled;
    Health health = Health::unknown;
};

/// Whether somebody is to be told of its health: in maintenance nobody, and afterwards of a failure
/// that goes on.
bool is_told(const Standing& before, const Standing& after) {
    using enum model::AdministrativeState;
    if (after.state == maintenance || after.health == Health::unknown) return false;
    return before.health != after.health ||
           (before.state == maintenance && after.health == Health::down);
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
    const auto agent = loads_.agent_of(id);
    const auto state = std::max(conditions_.state_of(id), wish_of(agent));
    // Whoever is down for its agent stays so whatever the checks say.
    if (agent != health::AgentState::down &&
        is_told({state, Health::unknown}, {state, verdict.health}))
        tell(event_of(id, verdict));
    reconcile_after_verdicts();
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

health::Verdict Controller::verdict_of(const health::TargetId& id,
                                       const health::LoadView& loads) const {
    const auto found = health_.view().find(id);
    if (found == health_.view().end()) return {};
    return with_agents({*found}, loads).at(id);
}

void Controller::state_changed(const StateChange& change) {
    if (change.from == change.to) return;
    tell(event_of(change));
    const auto wish = wish_of(loads_.agent_of(change.target));
    const auto verdict = verdict_of(change.target, loads_.view());
    if (is_told({std::max(change.from, wish), verdict.health},
                {std::max(change.to, wish), verdict.health}))
        tell(event_of(change.target, verdict));
}

void Controller::agent_changed(const health::TargetId& id, health::AgentState before,
                               const health::TargetLoad& now) {
    const StateChange change{id, wish_of(before), wish_of(now.agent), agent_in_words(now)};
    if (change.from != change.to) tell(event_of(change));
    const auto order = conditions_.state_of(id);
    const auto checked = verdict_of(id, {}).health;
    const auto verdict = verdict_of(id, {{id, now}});
    if (is_told({std::max(order, change.from), with_agent(checked, before)},
                {std::max(order, change.to), verdict.health}))
        tell(event_of(id, verdict));
}

void Controller::tell(const Event& event) {
    log_event(event);
    const telemetry::Event told{.kind = event.kind,
                                .virtual_server = event.target.virtual_server,
                                .real_server = event.target.real_server,
                                .address = address_of(configuration_, event.target),
                                .reason = event.text,
                                .time_ms = wall_clock_ms(),
                                .director = configuration_.global.name};
    records_.events().add(told);
    if (options_.notifier != nullptr) options_.notifier->tell(told);
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
            .targets = health_report(configuration_, health_.view(), conditions_.states().view(),
                                     loads_.view())};
}

void Controller::schedule_slow_start() {
    if (!conditions_.any_slow_start(Clock::now())) return;
    slow_start_timer_.expires_after(slow_start_step);
    slow_start_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) reconcile_now();
    });
}

}  // namespace shoal::director

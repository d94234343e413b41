#include "director/event.h"

#include <fmt/format.h>

#include "base/log.h"

namespace shoal::director {

namespace {

using model::EventKind;

Message message_of(EventKind kind) {
    switch (kind) {
        case EventKind::real_server_up:
            return Message::real_server_up;
        case EventKind::real_server_down:
            return Message::real_server_down;
        case EventKind::quorum_lost:
            return Message::quorum_lost;
        case EventKind::quorum_regained:
            return Message::quorum_regained;
        case EventKind::state_changed:
            return Message::state_changed;
        case EventKind::load_lost:
            break;
    }
    return Message::load_lost;
}

}  // namespace

Event event_of(const health::TargetId& target, const health::Verdict& verdict) {
    const bool up = verdict.health == model::Health::up;
    return {up ? EventKind::real_server_up : EventKind::real_server_down, target, verdict.reason};
}

Event event_of(const StateChange& change) {
    return {EventKind::state_changed, change.target,
            fmt::format("{}, was {}: {}", model::name_of(change.to), model::name_of(change.from),
                        change.why)};
}

void log_event(const Event& event) {
    const auto& [service, server] = event.target;
    log(message_of(event.kind), "{}{}{}", server.empty() ? service : server + " of " + service,
        event.text.empty() ? "" : ": ", event.text);
}

}  // namespace shoal::director

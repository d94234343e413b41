#pragma once

#include <string>

#include "director/administrative_states.h"
#include "health/health_view.h"
#include "model/monitor.h"

namespace shoal::director {

/// Something that administrators are told.
struct Event {
    model::EventKind kind{};
    /// `real_server` is empty where it concerns the virtual server as a whole.
    health::TargetId target;
    /// What more there is to say: a reason, a number; may be empty.
    std::string text;
    bool operator==(const Event&) const = default;
};

Event event_of(const health::TargetId& target, const health::Verdict& verdict);
Event event_of(const StateChange& change);

void log_event(const Event& event);

}  // namespace shoal::director

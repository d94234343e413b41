#pragma once

#include <optional>
#include <string>

#include "api/parameters.h"
#include "base/result.h"
#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

/// Which events a request wants.
struct EventQuery {
    telemetry::EventFilter filter;
    /// "0": from the oldest on that is kept. Unset: from now on, or all in a list.
    std::optional<telemetry::EventId> after;

    static Result<EventQuery> parse(const Parameters& parameters);
};

// GET /api/v1/events?kind=KIND,KIND&virtual=NAME&after=ID
// What happened: {"newest": ID, "lost": null, "events": [...]}, as telemetry::LoggedEvent's JSON.
//
// With the header "Accept: text/event-stream" the answer is a stream of server-sent events that
// does not end: first `begin` with {"newest": ID}, then each event as it happens, with its kind as
// its name. It begins after the header Last-Event-ID, else after the parameter, else with what
// happens next. `lost`, {"after": ID, "missed": N or null, "why": ...}, says that events after that
// one are not kept any more. Every 15 s of silence there is a comment. 503 where too many read.
http::HttpResponse get_events(director::Control& control, const http::HttpRequest& request);

}  // namespace shoal::api

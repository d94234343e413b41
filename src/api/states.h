#pragma once

#include "api/parameters.h"
#include "director/control.h"
#include "http/message.h"

// Orders about real servers. Each names one: server=VIRTUAL/REAL, or virtual=VIRTUAL&real=REAL.
// With for=TIME ("10m") the order ends by itself.

namespace shoal::api {

/// Of one request.
struct StateQuery {
    director::TargetName name;
    director::StateOrder order;

    static Result<StateQuery> parse(const Parameters& parameters, model::AdministrativeState state);
};

// All answer {"virtual_server": "web", "real_server": "web-1", "state": "draining"}, or 404 where
// there is no such real server.

// POST /api/v1/drain?server=&for=&deadline=
http::HttpResponse post_drain(director::Control& control, const http::HttpRequest& request);
// POST /api/v1/maintain?server=&for=
http::HttpResponse post_maintain(director::Control& control, const http::HttpRequest& request);
// POST /api/v1/enable?server=&for=
http::HttpResponse post_enable(director::Control& control, const http::HttpRequest& request);
// POST /api/v1/disable?server=&for=
http::HttpResponse post_disable(director::Control& control, const http::HttpRequest& request);

}  // namespace shoal::api

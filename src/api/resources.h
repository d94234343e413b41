#pragma once

#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

// GET /api/v1/version: {"version": "0.1.0"}
http::HttpResponse get_version(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/status: model::DirectorStatus, and `revision`: model::RevisionStatus
http::HttpResponse get_status(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/stats: Statistics (status_json.h)
http::HttpResponse get_statistics(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/health?virtual=NAME: model::HealthReport, of all virtual servers or of one; 404 where
// that one has no target.
http::HttpResponse get_health(director::Control& control, const http::HttpRequest& request);

// GET /api/v1/connections?client=&virtual=&mark=&real=&state=&protocol=&from=&limit=
// {"connections": [...], "next": N or null}. The next page is asked for with from=N. A page may
// hold fewer connections than the limit, or none, and still have a next one: how much of the table
// one request looks at is bounded, so that nothing else waits for it.
http::HttpResponse get_connections(director::Control& control, const http::HttpRequest& request);

// POST /api/v1/stop: {"stopping": true}
http::HttpResponse post_stop(director::Control& control, const http::HttpRequest& request);

}  // namespace shoal::api

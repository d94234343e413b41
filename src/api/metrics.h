#pragma once

#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

// GET /api/v1/metrics: telemetry::prometheus_text().
http::HttpResponse get_metrics(director::Control& control, const http::HttpRequest& request);

}  // namespace shoal::api

#include "api/metrics.h"

#include "http/response.h"
#include "telemetry/prometheus.h"

namespace shoal::api {

http::HttpResponse get_metrics(director::Control& control, const http::HttpRequest& /*request*/) {
    const auto status = control.status();
    if (!status) return http::error_response(500, status.error().message);
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = telemetry::prometheus_text(*status)};
}

}  // namespace shoal::api

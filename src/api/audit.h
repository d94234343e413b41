#pragma once

#include "director/control.h"
#include "http/message.h"

namespace shoal::api {

// GET /api/v1/audit: {"records": [...], "damages": [...]}, oldest first, all that is kept. Where
// nothing was changed, put in or taken out since it was written, there is no damage.
http::HttpResponse get_audit(director::Control& control, const http::HttpRequest& request);

/// Notes who made a request by which socket, and how it ended, also where it ends later.
http::HttpResponse audited(director::Control& control, const http::HttpRequest& request,
                           http::HttpResponse response);

}  // namespace shoal::api

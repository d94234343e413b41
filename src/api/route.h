#pragma once

#include <cstddef>

#include "api/roles.h"
#include "director/control.h"
#include "http/message.h"
#include "http/router.h"

namespace shoal::api {

/// What answers at a path, and who may ask.
struct Resource {
    Role needed;
    /// Bytes.
    std::size_t longest_body;
    http::HttpResponse (*answer)(director::Control& control, const http::HttpRequest& request);
    /// Asked by another method than GET, it changes something.
    bool audited = true;
};

using Routes = http::Router<Resource>;

}  // namespace shoal::api

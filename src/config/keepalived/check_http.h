#pragma once

#include "config/keepalived/check.h"

namespace shoal::config::keepalived {

/// A block url of HTTP_GET and SSL_GET.
void read_url(const Statement& url, model::Monitor& monitor, Remarks& remarks);

}  // namespace shoal::config::keepalived

#pragma once

#include <optional>
#include <string>

#include "config/keepalived/check.h"

namespace shoal::config::keepalived {

/// A block url of HTTP_GET and SSL_GET.
void read_url(const Statement& url, model::Monitor& monitor, Remarks& remarks);

/// The value of a virtualhost; unset, with a remark, where it is no host.
std::optional<std::string> read_host(const Statement& statement, Remarks& remarks);

}  // namespace shoal::config::keepalived

#pragma once

#include "config/revision_format.h"
#include "http/message.h"

namespace shoal::api {

/// Who made a request, by the name in /etc/passwd; others have their number as the name. No
/// directory service is asked, for which everything else would wait.
config::Author author_of(const http::Peer& peer);

}  // namespace shoal::api

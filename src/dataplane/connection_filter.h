#pragma once

#include <vector>

#include "dataplane/dataplane.h"

namespace shoal::dataplane {

bool is_template(const model::Connection& connection);

/// Whether every part of the filter that is set agrees with the connection. Of a template, which
/// does not say what its virtual server takes, only client, real server and state are asked about.
bool matches(const ConnectionFilter& filter, const model::Connection& connection);

/// Whether the filter lets templates of this virtual server through. `marked` are the packets of
/// its firewall mark.
bool takes_part(const ConnectionFilter& filter, const ServiceKey& service,
                const std::vector<MarkMatch>& marked);

}  // namespace shoal::dataplane

#pragma once

#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// Whether every part of the filter that is set agrees with the connection.
bool matches(const ConnectionFilter& filter, const model::Connection& connection);

}  // namespace shoal::dataplane

#pragma once

#include <vector>

#include "config/keepalived/context.h"
#include "config/keepalived/tree.h"

namespace shoal::config::keepalived {

/// The blocks virtual_server_group.
void read_groups(const std::vector<Statement>& tree, Context& context);
/// The blocks virtual_server, and the notifications that come of their scripts.
void read_services(const std::vector<Statement>& tree, Context& context);

}  // namespace shoal::config::keepalived

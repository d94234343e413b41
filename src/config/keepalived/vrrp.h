#pragma once

#include <vector>

#include "config/keepalived/context.h"
#include "config/keepalived/tree.h"

namespace shoal::config::keepalived {

/// The blocks vrrp_instance, vrrp_sync_group, vrrp_script and static_ipaddress: instances, and
/// where addresses stand.
void read_vrrp(const std::vector<Statement>& tree, Context& context);

/// "eth0", or "eth0 id 7 inst VI_1 ...".
void read_sync_daemon(const Statement& statement, Context& context);

}  // namespace shoal::config::keepalived

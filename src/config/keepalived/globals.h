#pragma once

#include <vector>

#include "config/keepalived/context.h"
#include "config/keepalived/tree.h"

namespace shoal::config::keepalived {

/// The blocks global_defs and SSL.
void read_globals(const std::vector<Statement>& tree, Context& context);

/// The notification that mails what keepalived mails, when all virtual servers are known.
void add_mail_notifications(Context& context);

}  // namespace shoal::config::keepalived

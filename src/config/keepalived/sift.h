#pragma once

#include "config/keepalived/context.h"

namespace shoal::config::keepalived {

/// Takes out every table that shoal.toml would not take, with a remark that says why, until it
/// takes the whole. False: it does not in the end.
bool sift(Context& context);

}  // namespace shoal::config::keepalived

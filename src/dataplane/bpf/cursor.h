#pragma once

#include "dataplane/bpf/pool.h"

namespace shoal::dataplane {

/// IPVS's rules for the cursor of rr and wrr when one server is added, edited or removed, or when
/// the scheduler changes: `after` follows `before` by one such step. Of several steps that are
/// swapped in together each counts.
shoal_cursor cursor_after_change(shoal_cursor cursor, const Pool& before, const Pool& after);

}  // namespace shoal::dataplane

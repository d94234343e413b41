#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace shoal {

/// The number of a user.
Result<uid_t> user_id(const std::string& name);

/// Gives up all that programs must not have, for good: root becomes `name` (empty: shoal-run, or
/// nobody), and nobody can gain rights by a set-user-ID file any more. Returns the user's name.
Result<std::string> drop_privileges(const std::string& name);

}  // namespace shoal

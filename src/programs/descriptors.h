#pragma once

#include <cstddef>

#include "base/result.h"

namespace shoal::programs {

/// Open files that shoal-run needs to run so many programs at once.
std::size_t descriptors_for(std::size_t programs);

/// Raises this process's limit of open files to `needed`. Fails where it may not be so high.
Result<void> allow_descriptors(std::size_t needed);

}  // namespace shoal::programs

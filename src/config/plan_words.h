#pragma once

#include <string>

#include "config/difference.h"

namespace shoal::config {

/// What is edited, in words: "weight of web-2: 1 -> 3", "removes real server web-3 (10.11.12.3)
/// from web". Long values are cut.
std::string what_changes(const Difference& difference);

}  // namespace shoal::config

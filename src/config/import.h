#pragma once

#include <expected>
#include <vector>

#include "config/problem.h"
#include "model/configuration.h"

// What reading a foreign configuration file gives (config/lvs_cf/, keepalived/, ipvsadm/).

namespace shoal::config {

struct Import {
    model::Configuration configuration;
    /// What was tolerated, and what has no counterpart, in the order of the file.
    std::vector<Problem> remarks;
};

/// Or what makes the file unusable, in its order.
using Imported = std::expected<Import, std::vector<Problem>>;

}  // namespace shoal::config

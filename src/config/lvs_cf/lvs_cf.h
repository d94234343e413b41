#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/import.h"

// Piranha's lvs.cf, the predecessor of shoal.toml.

namespace shoal::config {

/// Reads an lvs.cf: all that Piranha's parser took, and what it refused although it is plain
/// enough. The configuration is valid; names of machines are not looked up. Either that, or all
/// problems that leave no configuration, in the order of the file.
Imported import_lvs_cf(std::string_view text);

struct LvsCf {
    std::string text;
    /// What an lvs.cf cannot say, one sentence each.
    std::vector<std::string> remarks;
};

/// A valid configuration as lvs.cf. Read again, it is what import_lvs_cf() would have made of it.
LvsCf to_lvs_cf(const model::Configuration& configuration);

}  // namespace shoal::config

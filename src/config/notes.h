#pragma once

#include <string_view>
#include <vector>

#include "config/problem.h"
#include "model/configuration.h"

namespace shoal::config {

/// What a configuration without problems leaves to be done elsewhere, or probably lacks, in the
/// order of the file: FTP above all, whose data connections no setting of one port covers.
/// `text` is what read_toml() read `configuration` from.
std::vector<Problem> notes_on(const model::Configuration& configuration, std::string_view text);

}  // namespace shoal::config

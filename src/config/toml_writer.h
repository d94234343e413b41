#pragma once

#include <string>

#include "model/configuration.h"

namespace shoal::config {

/// The configuration as shoal.toml: what differs from its default, in the order of the schema, in
/// the layout of the examples. A valid configuration reads as the same again (read_toml()).
std::string to_toml(const model::Configuration& configuration);

}  // namespace shoal::config

#pragma once

#include <nlohmann/json_fwd.hpp>

#include "model/configuration.h"

namespace shoal::model {

/// The same keys and forms as shoal.toml, with every default written out.
/// config::read_json() reads it back to an equal configuration.
nlohmann::json to_json(const Configuration& configuration);

}  // namespace shoal::model

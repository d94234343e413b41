#pragma once

#include "model/configuration.h"

namespace shoal::config {

/// For properties: a valid configuration, by rapidcheck's dice.
model::Configuration any_configuration();

}  // namespace shoal::config

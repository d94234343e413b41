#pragma once

#include "config/running.h"
#include "dataplane/dataplane.h"
#include "director/circumstances.h"
#include "model/configuration.h"

namespace shoal::director {

/// What runs of the configuration that is in force, for a plan of another one. Pure.
config::Running running_now(const model::Configuration& configuration, const Circumstances& now,
                            const dataplane::State& state, const dataplane::Statistics& statistics);

}  // namespace shoal::director

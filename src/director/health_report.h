#pragma once

#include <vector>

#include "director/circumstances.h"
#include "health/loads/load_monitor.h"
#include "model/configuration.h"
#include "model/health_report.h"

namespace shoal::director {

std::vector<model::TargetHealth> health_report(const model::Configuration& configuration,
                                               const health::HealthView& health,
                                               const StateView& states,
                                               const health::LoadView& loads = {});

}  // namespace shoal::director

#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "health/loads/agent_line.h"

namespace shoal::health {

/// What one question for a load brought.
struct LoadReading {
    /// Plausible (load_answer.h). Missing only where an agent spoke.
    std::optional<double> load;
    AgentLine agent{};
};

/// The error says in plain words why there is no load.
using OnReading = std::function<void(const Result<LoadReading>&)>;

}  // namespace shoal::health

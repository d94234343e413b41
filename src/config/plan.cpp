#include "config/plan.h"

#include <algorithm>

#include "config/plan_effects.h"
#include "config/plan_words.h"
#include "config/planned_pools.h"

namespace shoal::config {

Plan make_plan(const model::Configuration& present, const model::Configuration& candidate,
               const Running& running) {
    const auto found = differences(present, candidate);
    if (found.empty()) return {};
    const PlannedPools pools(present, candidate, running, found);
    const PlanEffects effects(present, candidate, running, pools);
    Plan plan{
        .changes = {}, .pools = pools.summaries(), .ended_connections = pools.ended_connections()};
    for (const auto& difference : found) {
        Change change{.kind = difference.kind,
                      .path = difference.path,
                      .before = difference.before,
                      .after = difference.after,
                      .what = what_changes(difference),
                      .effect = {}};
        effects.add_to(change, difference);
        plan.severity = std::max(plan.severity, change.severity);
        plan.changes.push_back(std::move(change));
    }
    return plan;
}

}  // namespace shoal::config

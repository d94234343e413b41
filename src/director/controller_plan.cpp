#include "config/plan.h"
#include "director/controller.h"
#include "director/running.h"

// What the controller would make of another configuration.

namespace shoal::director {

Result<PlanOrProblems> Controller::plan(std::string_view text) {
    if (withdrawn_) return fail("the director has withdrawn itself");
    const auto candidate = read_configuration(text, netlink_);
    if (!candidate) return PlanOrProblems(std::unexpected(candidate.error()));
    const auto state = dataplane_->observe();
    if (!state) return fail(state.error().within("reading the data plane"));
    const auto statistics = dataplane_->statistics();
    if (!statistics) return fail(statistics.error().within("reading the data plane"));
    return PlanOrProblems(make_plan(
        configuration_, *candidate,
        running_now(configuration_, conditions_.circumstances(seen_), *state, *statistics)));
}

}  // namespace shoal::director

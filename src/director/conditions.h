#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "director/administrative_states.h"
#include "director/circumstances.h"
#include "director/event.h"
#include "director/quorum.h"
#include "director/slow_start.h"
#include "health/loads/load_monitor.h"

namespace shoal::director {

/// What decides beside the configuration and the checks about who serves, from one reconciliation
/// to the next: administrative states, slow starts, quorums.
class Conditions {
  public:
    /// Of quorums that are lost and regained.
    using Tell = std::function<void(const Event&)>;

    /// `states_file` keeps the administrative states.
    Conditions(std::string states_file, Tell tell);

    /// Once, before the first look: takes over what the last shoald left.
    void begin(const model::Configuration& configuration, const dataplane::State& state);
    /// Forgets what concerns only what left the configuration, unless it is in `former`, which may
    /// be put in force again.
    void follow(const model::Configuration& configuration,
                const std::optional<model::Configuration>& former = {});
    /// Looks at everything anew. Loads are factors too, and what agents want are states.
    void look(const model::Configuration& configuration, const health::HealthView& health,
              const health::LoadView& loads, TimePoint now);
    /// Of the last look. `health` must be the one of then, and outlive the answer.
    Circumstances circumstances(const health::HealthView& health) const;
    /// Weights change with time alone, so that another look is worth it.
    bool any_slow_start(TimePoint now) const { return slow_starts_.any(now); }

    // As AdministrativeStates'.
    Result<StateChange> order(const health::TargetId& target, const StateOrder& order);
    std::vector<StateChange> advance(
        const std::function<bool(const health::TargetId&)>& has_connections);
    const AdministrativeStates& states() const { return states_; }
    model::AdministrativeState state_of(const health::TargetId& target) const;
    const std::map<std::string, Quorum>& quorums() const { return quorums_; }
    /// What is wrong, one sentence each.
    const std::vector<std::string>& problems() const { return problems_; }

  private:
    void tell_quorums(const std::map<std::string, Quorum>& found);
    static std::vector<SlowStarts::Sight> sights(const ServiceGroup& group,
                                                 const std::vector<Candidate>& candidates);

    Tell tell_;
    AdministrativeStates states_;
    /// What administrators ordered, and what agents want beside it.
    StateView wanted_;
    SlowStarts slow_starts_;
    WeightFactors factors_;
    std::map<std::string, Quorum> quorums_;
    LostQuorums lost_quorums_;
    /// Losses that were told, and so their ends will be.
    LostQuorums told_;
    std::vector<std::string> problems_;
};

}  // namespace shoal::director

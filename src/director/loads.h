#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "director/circumstances.h"
#include "director/event.h"
#include "health/loads/load_monitor.h"
#include "model/configuration.h"

namespace shoal::director {

/// Whose loads are watched: those of the active real servers of active virtual servers that have a
/// load monitor.
std::vector<health::LoadTarget> load_targets(const model::Configuration& configuration);

WeightFactors load_factors(const health::LoadView& loads);
/// What agents want counts like an administrator's order; the greater one holds.
StateView with_wishes(StateView states, const health::LoadView& loads);
/// A real server that is up is down where its agent says so.
health::HealthView with_agents(health::HealthView health, const health::LoadView& loads);
/// Of lost loads, one sentence each.
std::vector<std::string> load_problems(const health::LoadView& loads);

/// The load monitors of the configuration, and what they say now.
class Loads {
  public:
    using Tell = std::function<void(const Event&)>;

    /// `on_change` is called from the loop when a weight or an agent's wish changed. `runner` as
    /// LoadMonitors'.
    Loads(boost::asio::io_context& loop, health::ProgramRunner* runner, Tell tell,
          std::function<void()> on_change);

    void follow(const model::Configuration& configuration);
    void stop() { monitors_.set_targets({}); }
    health::LoadView view() const { return monitors_.view(); }

  private:
    void changed(const health::TargetId& target, const health::TargetLoad& load);

    Tell tell_;
    std::function<void()> on_change_;
    /// Whose loss was told.
    std::set<health::TargetId> lost_;
    health::LoadMonitors monitors_;
};

}  // namespace shoal::director

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
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
model::AdministrativeState wish_of(health::AgentState agent);
/// A real server that is up is down where its agent says so.
model::Health with_agent(model::Health health, health::AgentState agent);
/// "its agent says maint: "the disk is full""
std::string agent_in_words(const health::TargetLoad& load);
health::HealthView with_agents(health::HealthView health, const health::LoadView& loads);
/// Of lost loads, one sentence each.
std::vector<std::string> load_problems(const health::LoadView& loads);

/// The load monitors of the configuration, and what they say now.
class Loads {
  public:
    /// All are called from the loop.
    struct Listener {
        std::function<void(const Event&)> tell;
        /// An agent was `before` and is something else now.
        std::function<void(const health::TargetId&, health::AgentState before,
                           const health::TargetLoad& now)>
            agent_changed;
        /// Afterwards: a weight or an agent's wish changed.
        std::function<void()> changed;
    };

    /// `memory_file` keeps what shall outlive shoald. `runner` as LoadMonitors'.
    Loads(boost::asio::io_context& loop, std::string memory_file, health::ProgramRunner* runner,
          Listener listener);
    ~Loads();
    Loads(const Loads&) = delete;
    Loads& operator=(const Loads&) = delete;

    /// Takes over what the last shoald left, the first time.
    void follow(const model::Configuration& configuration);
    void stop();
    health::LoadView view() const { return monitors_.view(); }
    /// As it was last told.
    health::AgentState agent_of(const health::TargetId& target) const;

    /// Within which a change of factors is written, and what an agent wants: thousands may change
    /// at once, and each write waits for the disk.
    static constexpr Milliseconds memory_pause{5000};
    static constexpr Milliseconds agent_pause{100};

  private:
    void changed(const health::TargetId& target, const health::TargetLoad& load);
    void note_agent(const health::TargetId& target, const health::TargetLoad& load);
    health::LoadMemories remembered();
    void keep_within(Milliseconds pause);
    void keep();

    std::string memory_file_;
    bool begun_ = false;
    /// What stands in the file.
    health::LoadMemories kept_;
    bool changed_since_kept_ = false;
    /// It is written in the log once, and tried again.
    bool cannot_keep_ = false;
    bool stopped_ = false;
    boost::asio::steady_timer memory_timer_;
    /// Those that are not ready.
    std::map<health::TargetId, health::AgentState> agents_;
    Listener listener_;
    /// Whose loss was told.
    std::set<health::TargetId> lost_;
    health::LoadMonitors monitors_;
};

}  // namespace shoal::director

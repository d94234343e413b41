#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "health/health_view.h"
#include "health/loads/agent_line.h"
#include "health/loads/load_weights.h"
#include "health/program_runner.h"
#include "model/monitor.h"
#include "net/address.h"

namespace shoal::health {

struct LoadTarget {
    TargetId id;
    net::Address address;
    /// Where the tool asks; 0: the tool's own. Needed with agent and http.
    std::uint16_t port = 0;
    model::LoadMonitor monitor;
    /// For the arguments of programs.
    std::uint16_t service_port = 0;
    net::Address virtual_address;
    bool operator==(const LoadTarget&) const = default;
};

/// What the agent of a real server wants. It holds until the agent says something else, also while
/// nobody can ask it: a server is not taken out of maintenance by switching it off.
enum class AgentState {
    ready,
    drain,        ///< no new connections
    maintenance,  ///< likewise, and nobody need be told when it fails
    down,         ///< its service cannot be used
};

/// What an agent said of itself last; a line that does not mention it changes nothing.
struct AgentWords {
    bool up = true;
    AgentWish wish = AgentWish::ready;
    /// Why, as it said with them, in quotes, printable ASCII; empty: it said nothing.
    std::string reason{};
    bool operator==(const AgentWords&) const = default;
};
AgentState agent_state(const AgentWords& words);

/// What shall outlive this process: neither an agent that took its server out and fell silent nor
/// the factors of a pool are forgotten by a restart.
struct LoadMemory {
    net::Address address;
    model::LoadTool tool = model::LoadTool::none;
    std::uint32_t per_mille = full_factor;
    AgentWords agent{};
    bool operator==(const LoadMemory&) const = default;
};
using LoadMemories = std::map<TargetId, LoadMemory>;

struct TargetLoad {
    /// The last one; nothing before the first, and of agents.
    std::optional<double> load;
    /// Since the load, or an agent's word, came; while there was none, since it was first waited
    /// for.
    Milliseconds age{};
    /// Why the last question brought nothing; empty while all is well.
    std::string problem;
    /// It is so old that the weight goes back to that of the file.
    bool lost = false;
    /// What the weight is to be multiplied by, in per mille.
    std::uint32_t per_mille = full_factor;
    AgentState agent = AgentState::ready;
    /// As AgentWords'.
    std::string agent_reason{};
};

using LoadView = std::map<TargetId, TargetLoad>;

/// Watches the loads of real servers on one Asio loop: asks at its interval, or listens, and says
/// what becomes of the weights. Real servers that fail or lie touch nobody else's load. Everything
/// happens on the loop's thread.
class LoadMonitors {
  public:
    /// Called from the loop, never from within set_targets, when a target's per_mille, agent or
    /// lost changed; it may call set_targets.
    using OnChange = std::function<void(const TargetId&, const TargetLoad&)>;

    /// `runner`: null where no programs can be run; else it must outlive this.
    LoadMonitors(boost::asio::io_context& loop, ProgramRunner* runner, OnChange on_change);
    ~LoadMonitors();
    LoadMonitors(const LoadMonitors&) = delete;
    LoadMonitors& operator=(const LoadMonitors&) = delete;

    /// Replaces the targets. One of the same address keeps its factor, and where it has the same
    /// tool its load and its agent's words, however that is asked now; targets whose tool is none
    /// are left out. A target that is new begins with what is remembered of one with the same
    /// address and tool; nobody is told of that.
    void set_targets(const std::vector<LoadTarget>& targets, const LoadMemories& remembered = {});
    LoadView view() const;
    /// Without those of whom there is nothing to remember.
    LoadMemories memories() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace shoal::health

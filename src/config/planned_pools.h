#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "config/difference.h"
#include "config/plan.h"
#include "config/pools.h"
#include "config/shares.h"

namespace shoal::config {

/// True for settings that may change who gets the next connection.
bool concerns_shares(const Difference& difference);

/// What becomes of one pool. Both configurations and what runs must outlive it.
class PlannedGroup {
  public:
    /// Unset: it is not there.
    PlannedGroup(std::optional<GroupOf> present, std::optional<GroupOf> candidate,
                 const RunningService& running);

    const RunningService& running() const { return *running_; }
    bool goes() const { return before_ && !after_; }
    bool stays() const { return before_ && after_; }
    /// Unset where the pool is not there.
    const std::optional<Pool>& before() const { return before_; }
    const std::optional<Pool>& after() const { return after_; }
    /// Unset, too, where they cannot be said beforehand.
    const std::optional<Shares>& shares_before() const { return shares_before_; }
    const std::optional<Shares>& shares_after() const { return shares_after_; }
    std::optional<double> moved() const { return moved_; }
    /// Whether a real server, or the sorry server, leaves the pool for good.
    bool leaves(const ServerEndpoint& endpoint) const;
    /// What the connections of those that leave do. A pool that goes ends its connections.
    bool ends_connections() const { return goes() || ends_; }
    std::uint64_t connections_of(const ServerEndpoint& endpoint) const;
    /// Of all that leave, where they end.
    std::uint64_t ended_connections() const;
    PlannedPool summary() const;

    /// Differences that concern its shares.
    std::size_t share_changes = 0;

  private:
    const Group* present_ = nullptr;
    const Group* candidate_ = nullptr;
    const RunningService* running_;
    std::optional<Pool> before_;
    std::optional<Pool> after_;
    std::optional<Shares> shares_before_;
    std::optional<Shares> shares_after_;
    std::optional<double> moved_;
    std::set<ServerEndpoint> wanted_;
    bool ends_ = false;
};

/// The pools that `found` has to do with.
class PlannedPools {
  public:
    PlannedPools(const model::Configuration& present, const model::Configuration& candidate,
                 const Running& running, const std::vector<Difference>& found);

    /// Of a virtual server of either configuration; null where it is not active.
    const PlannedGroup* find(const model::VirtualServer* service) const;
    std::vector<PlannedPool> summaries() const;
    std::uint64_t ended_connections() const;

  private:
    PlannedGroup* make(const model::VirtualServer* service);

    const model::Configuration& present_;
    const model::Configuration& candidate_;
    const Running& running_;
    Groups groups_before_;
    Groups groups_after_;
    std::map<Groups::Key, PlannedGroup> groups_;
};

}  // namespace shoal::config

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "config/running.h"
#include "config/shares.h"
#include "model/configuration.h"

// The pools of real servers as they are, and as they would be.

namespace shoal::config {

/// Virtual servers that are one for the data plane: those of one firewall mark and address family,
/// or a single one. Never empty, in the order of the file; the first one speaks for all.
using Group = std::vector<const model::VirtualServer*>;

/// The groups of the active virtual servers. The configuration must outlive it.
class Groups {
  public:
    using Key =
        std::tuple<std::optional<std::uint32_t>, net::Address, model::PortRange, model::Protocol>;
    static Key key_of(const model::VirtualServer& service);

    explicit Groups(const model::Configuration& configuration);
    /// Null where no active virtual server has this key.
    const Group* find(const Key& key) const;
    const std::map<Key, Group>& all() const { return groups_; }

  private:
    std::map<Key, Group> groups_;
};

/// Of the active real servers, without the sorry server.
std::set<ServerEndpoint> active_endpoints(const Group& group);
std::optional<ServerEndpoint> sorry_endpoint(const Group& group);

/// A configuration and one of its groups.
struct GroupOf {
    const model::Configuration& configuration;
    const Group& group;
};

/// As it runs now.
Pool present_pool(const GroupOf& present, const RunningService& running);
/// As it will be when what comes is up. `present` is unset where the group is new, and `running` is
/// then a fresh one.
Pool future_pool(const std::optional<GroupOf>& present, const GroupOf& candidate,
                 const RunningService& running);

}  // namespace shoal::config

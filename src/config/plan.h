#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/difference.h"
#include "config/running.h"
#include "model/configuration.h"

// What would change if another configuration were put in force, in words and in effect.

namespace shoal::config {

/// What it means for clients; the worse ones come last.
enum class Severity { none, new_connections, ends_connections };

struct Change {
    DifferenceKind kind = DifferenceKind::changed;
    Path path;
    /// Whole values, as Difference has them.
    std::string before;
    std::string after;
    /// "weight of web-2: 1 -> 3"
    std::string what;
    /// "about 20 % of new connections move"
    std::string effect;
    Severity severity = Severity::none;
    /// That end because of it, of those that there are now.
    std::uint64_t ended_connections = 0;
    /// Of the pool, by all that changes in it: 0 to 1. Unset where it does not touch a pool, or
    /// where that cannot be said beforehand.
    std::optional<double> moved{};
};

/// Of all new connections of its virtual server, 0 to 1; unset where it is not in the pool or the
/// scheduler's shares are not known beforehand.
struct PlannedShare {
    std::string real_server;
    std::optional<double> before;
    std::optional<double> after;
};

/// A pool in which the shares change, or may.
struct PlannedPool {
    /// More than one share a firewall mark.
    std::vector<std::string> virtual_servers;
    std::optional<double> moved;
    std::vector<PlannedShare> shares;
};

struct Plan {
    /// In the order of the candidate.
    std::vector<Change> changes;
    std::vector<PlannedPool> pools;
    /// In all, each once.
    std::uint64_t ended_connections = 0;
    Severity severity = Severity::none;
};

/// Pure. Nothing is changed by it, and how healthy new real servers are is not known: they count as
/// up.
Plan make_plan(const model::Configuration& present, const model::Configuration& candidate,
               const Running& running);

}  // namespace shoal::config

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/endpoints.h"

// What runs now, as far as a plan has to do with it. Plain values; the director fills them.

namespace shoal::config {

/// A real server that is in a pool, or the sorry server while it is.
struct RunningServer {
    ServerEndpoint endpoint;
    /// What the data plane schedules by.
    std::uint32_t weight = 0;
    /// Active and inactive ones together.
    std::uint64_t connections = 0;
    std::uint32_t persistent_clients = 0;
};

struct RunningService {
    /// In list order: the newest first.
    std::vector<RunningServer> servers;
    /// Real servers that are down or that an administrator took out of service: no weight of the
    /// file would bring them connections.
    std::set<ServerEndpoint> unusable;
    /// How much one of the file's weight is in `weight`.
    std::uint32_t weight_scale = 1;
    bool quorum_lost = false;
};

struct Running {
    /// By the names in the present configuration. Virtual servers that share a firewall mark have
    /// all the same.
    std::map<std::string, RunningService> services;
    /// Of the table of connections.
    std::uint64_t cells_used = 0;
};

}  // namespace shoal::config

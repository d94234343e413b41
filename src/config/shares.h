#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/endpoints.h"
#include "model/configuration.h"

// Who gets how much of the new connections, and how much of that a change moves.

namespace shoal::config {

/// A real server as its scheduler sees it.
struct PoolMember {
    ServerEndpoint endpoint;
    /// 0: it gets no new connections.
    std::uint32_t weight = 1;
    /// The last weight that was not 0, by which mh goes; 0: there was none.
    std::uint32_t last_weight = 1;
    bool operator==(const PoolMember&) const = default;
};

struct Pool {
    model::Scheduler scheduler = model::Scheduler::wlc;
    /// Of sh and mh.
    bool hash_port = false;
    bool hash_fallback = false;
    std::uint32_t mh_table_size = 4093;
    /// The virtual address, if there is only one; dh goes by it.
    std::optional<net::Address> destination{};
    /// In list order: the newest first.
    std::vector<PoolMember> members{};
    bool operator==(const Pool&) const = default;
};

/// Parts of all new connections, which add up to 1.
struct Shares {
    /// Of each member, in list order.
    std::vector<double> members;
    /// Of those that find no real server.
    double nobody = 0;
};

/// What is to be expected while many clients come and no real server is full. Least-connection
/// schedulers are taken to spread evenly, or in the ratio of the weights. Unset where it depends on
/// something else: with ovf on the load, with lblc, lblcr and dh on the destinations.
std::optional<Shares> shares(const Pool& pool);

/// The part of the new connections, 0 to 1, that another one serves than before. With sh and mh,
/// the part of the clients: their slots may change hands although each real server has as many as
/// before. Unset where one of the two has no known shares.
std::optional<double> moved(const Pool& before, const Pool& after);

}  // namespace shoal::config

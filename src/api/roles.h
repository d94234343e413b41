#pragma once

#include <sys/types.h>

#include <optional>

#include "http/message.h"

namespace shoal::api {

/// In rising order: each may what the one before may.
enum class Role {
    none,
    /// May read, and take real servers out of service and back.
    operator_,
    /// May change the configuration and stop the director.
    administrator,
};

/// Root is administrator; members of `operators` (unset: there is no such group) are operators.
Role role_of(const http::Peer& peer, std::optional<gid_t> operators);

}  // namespace shoal::api

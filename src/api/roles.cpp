#include "api/roles.h"

#include <algorithm>

namespace shoal::api {

Role role_of(const http::Peer& peer, std::optional<gid_t> operators) {
    if (peer.uid == 0) return Role::administrator;
    if (!operators) return Role::none;
    const auto& groups = peer.supplementary_groups;
    const bool member =
        peer.gid == *operators || std::ranges::find(groups, *operators) != groups.end();
    return member ? Role::operator_ : Role::none;
}

}  // namespace shoal::api

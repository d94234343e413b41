#pragma once

#include <vector>

#include "dataplane/dataplane.h"
#include "director/circumstances.h"
#include "director/marks.h"
#include "model/configuration.h"

namespace shoal::director {

/// A real server of all virtual servers of a group that have it: what each of them says of it
/// together.
struct Candidate {
    /// With the weight that the file gives it.
    dataplane::Server server;
    /// What the file says.
    bool active = true;
    /// The worst that one of them knows: down before unknown before up.
    model::Health health = model::Health::up;
    model::AdministrativeState state = model::AdministrativeState::enabled;
    /// The least of theirs.
    std::uint32_t factor = full_weight;
    /// Its names, one for each of them.
    std::vector<health::TargetId> targets{};

    /// It may have new connections.
    bool is_usable() const;
    /// As is_usable(), should its checks say that it is up.
    bool may_be_usable() const;
};

/// In the order of the file, each once.
std::vector<Candidate> candidates(const model::Configuration& configuration,
                                  const ServiceGroup& group, const Circumstances& now);

}  // namespace shoal::director

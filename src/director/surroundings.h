#pragma once

#include <string>
#include <vector>

#include "director/desired_state.h"
#include "model/configuration.h"
#include "net/state_file.h"
#include "net/sysctl.h"

namespace shoal::director {

/// What this configuration does with the machine's devices.
net::DirectorUse director_use(const model::Configuration& configuration,
                              const std::set<std::string>& server_devices);

/// Looks at the kernel settings that a director depends on. With manage_sysctl they are set, and
/// remembered in `state` for `shoal stop`; otherwise, and where setting fails, each is a sentence
/// for the administrator.
std::vector<std::string> sysctl_problems(const model::Configuration& configuration,
                                         const std::set<std::string>& server_devices,
                                         const net::StateFile& state);

}  // namespace shoal::director

#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/configuration.h"

namespace shoal {

/// The configuration, or nothing once its problems have been printed as `shoal check` would.
std::optional<model::Configuration> load_configuration(const std::string& path);

/// Every check that waits holds a socket: 1000 silent real servers hold 1000.
void allow_many_descriptors();

Result<void> make_socket_directory(const std::string& socket);

/// Nobody else's business; one that exists keeps its mode.
Result<void> make_state_directory(const std::string& directory);

}  // namespace shoal

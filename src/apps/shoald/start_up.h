#pragma once

#include <boost/asio/signal_set.hpp>
#include <string>

#include "base/result.h"
#include "director/controller.h"
#include "director/history.h"

namespace shoal {

/// What shoald begins with; where that is nothing, the problems of the configuration file have been
/// printed as `shoal check` would.
Result<director::Beginning> begin(director::History& history);

/// Applies the configuration file at each signal. `signals` and `controller` must outlive the
/// loop's run.
void reload_at(boost::asio::signal_set& signals, director::Controller& controller);

/// Every check that waits holds a socket: 1000 silent real servers hold 1000.
void allow_many_descriptors();

Result<void> make_socket_directory(const std::string& socket);

/// Nobody else's business; one that exists keeps its mode.
Result<void> make_state_directory(const std::string& directory);

}  // namespace shoal

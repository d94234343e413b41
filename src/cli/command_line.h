#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace shoal::cli {

/// Runs the command `shoal` with these arguments (without the program's name) and returns its exit
/// status.
int run(std::vector<std::string> arguments, const Console& console);

}  // namespace shoal::cli

#pragma once

#include <string>

#include "cli/commands.h"
#include "cli/remote.h"

namespace shoal::cli {

/// The text of a configuration file that the administrator named.
Outcome<std::string> read_configuration(const std::string& path);

/// What a change of the table's size takes, before it is taken. Nothing where shoald does not tell,
/// or where the file has problems, which shoald will name.
void announce_resize(const Console& console, Remote& remote, const std::string& text);

}  // namespace shoal::cli

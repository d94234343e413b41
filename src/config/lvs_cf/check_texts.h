#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/lvs_cf/file.h"
#include "config/problem_list.h"

// What nanny made of send, expect and send_program.

namespace shoal::config::lvs_cf {

/// A program and its arguments, cut at blanks.
std::vector<std::string> words_of(std::string_view text);

/// The [virtual_server.monitor] of a virtual server; unset where it has the default check.
std::optional<Node> monitor_of(const Virtual& service, ProblemList& remarks);

}  // namespace shoal::config::lvs_cf

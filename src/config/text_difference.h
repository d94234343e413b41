#pragma once

#include <string>
#include <string_view>

namespace shoal::config {

/// The difference between two texts in unified form, with three lines of context; empty where they
/// are equal. Lines that have nothing in common over thousands of changes are shown as replaced
/// as a whole: the answer is always right, and always soon there.
std::string unified_difference(std::string_view from, std::string_view to,
                               std::string_view from_name, std::string_view to_name);

}  // namespace shoal::config

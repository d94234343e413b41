#pragma once

#include <cstddef>

namespace shoal::config::keepalived {

/// How much may come of a line: lines, and their bytes with their ends.
struct Room {
    std::size_t lines = 0;
    std::size_t bytes = 0;
};

}  // namespace shoal::config::keepalived

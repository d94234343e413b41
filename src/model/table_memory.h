#pragma once

#include <cstdint>

namespace shoal::model {

/// What the kernel accounts for each cell of the table of connections, in bytes: the record 64, two
/// slots of the index 16, a place in the ring of free cells 8, and a sixteenth of an entry of the
/// overflow map, 7. A connection of IPv4 is one cell, of IPv6 two.
inline constexpr std::uint64_t bytes_of_cell = 95;

constexpr std::uint64_t table_bytes(std::uint32_t cells) {
    return bytes_of_cell * cells;
}

}  // namespace shoal::model

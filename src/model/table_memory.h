#pragma once

#include <cstdint>

namespace shoal::model {

/// What the table of connections takes for each of its cells, at most, in bytes: the record 64, two
/// slots of the index 16, a place in the ring of free cells 8, and a sixteenth of an entry of the
/// overflow map.
inline constexpr std::uint64_t bytes_of_cell = 110;

constexpr std::uint64_t table_bytes(std::uint32_t cells) {
    return bytes_of_cell * cells;
}

}  // namespace shoal::model

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace shoal::telemetry {

/// What is counted in one cell of a ring, in this order.
enum class Column : std::size_t {
    /// How much of the cell's time was seen; 0: it is a gap.
    seconds,
    /// Connections; the most that were seen at once.
    active,
    inactive,
    // What came in those seconds.
    connections,
    packets_in,
    packets_out,
    bytes_in,
    bytes_out,
};
inline constexpr std::size_t columns = 8;
/// From here on a column holds sums; before it, `seconds` apart, the highest values.
inline constexpr auto first_sum = static_cast<std::size_t>(Column::connections);

struct Cell {
    std::array<std::uint64_t, columns> values{};

    std::uint64_t operator[](Column column) const {
        return values[static_cast<std::size_t>(column)];
    }
    std::uint64_t& operator[](Column column) { return values[static_cast<std::size_t>(column)]; }
    bool is_gap() const { return (*this)[Column::seconds] == 0; }
    bool operator==(const Cell&) const = default;
};

/// What lies between two readings of an object's counters: from after second `begin` to second
/// `end` of a clock that never jumps.
struct Stretch {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    /// `seconds` is not used.
    Cell cell{};
};

/// The last cells of one width, oldest first to go. Cells are kept packed, 32 together: each column
/// takes as many bytes as its values differ by, so that what is idle costs next to nothing.
class Ring {
  public:
    /// Widths in seconds.
    Ring(std::uint32_t width, std::uint32_t cells) : width_(width), cells_(cells) {}

    /// Stretches come in the order of time. Spreads one evenly over the cells that it touches,
    /// without losing any of a sum. One much longer than a cell leaves a gap: nobody knows when in
    /// it things happened.
    void add(const Stretch& stretch);
    /// Cells from number `first` to number `last`; gaps where nothing is known. Cell n begins at
    /// second n * width.
    std::vector<Cell> read(std::int64_t first, std::int64_t last) const;
    std::uint32_t width() const { return width_; }
    std::uint32_t cells() const { return cells_; }
    /// Bytes on the heap, what the allocator adds included.
    std::size_t memory() const { return memory_; }

  private:
    struct Packed {
        std::int64_t chunk = 0;
        std::unique_ptr<std::uint8_t[]> bytes{};
        std::uint32_t size = 0;
    };

    Cell& cell_at(std::int64_t number);
    void close_chunk();
    void measure();

    std::uint32_t width_;
    std::uint32_t cells_;
    /// Of the cells that are still being added to.
    std::int64_t open_chunk_ = 0;
    std::vector<Cell> open_{};
    /// In the order of time.
    std::vector<Packed> packed_{};
    std::size_t packed_bytes_ = 0;
    std::size_t memory_ = 0;
};

/// Cells as few bytes, and back. `count` is how many were packed.
std::vector<std::uint8_t> pack_cells(std::span<const Cell> cells);
std::vector<Cell> unpack_cells(std::span<const std::uint8_t> bytes, std::size_t count);

}  // namespace shoal::telemetry

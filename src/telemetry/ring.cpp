#include "telemetry/ring.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace shoal::telemetry {

namespace {

constexpr std::int64_t chunk_cells = 32;
/// What malloc adds to a small block, about.
constexpr std::size_t allocation_bytes = 16;

constexpr auto all_columns = [] {
    std::array<std::size_t, columns> all{};
    for (std::size_t column = 0; column < columns; ++column)
        all[column] = column;
    return all;
}();

unsigned bytes_for(std::uint64_t value) {
    return (static_cast<unsigned>(std::bit_width(value)) + 7) / 8;
}

void write_number(std::vector<std::uint8_t>& bytes, std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i)
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

/// Takes the number off the front.
std::uint64_t read_number(std::span<const std::uint8_t>& bytes, unsigned width) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < width; ++i)
        value |= std::uint64_t{bytes[i]} << (8 * i);
    bytes = bytes.subspan(width);
    return value;
}

/// The part of `sum` that falls on the first `part` of `whole` seconds.
std::uint64_t share(std::uint64_t sum, std::int64_t part, std::int64_t whole) {
    const auto seconds = static_cast<std::uint64_t>(whole);
    const auto first = static_cast<std::uint64_t>(part);
    return sum / seconds * first + sum % seconds * first / seconds;
}

std::int64_t chunk_of(std::int64_t number) {
    return number / chunk_cells;
}

}  // namespace

std::vector<std::uint8_t> pack_cells(std::span<const Cell> cells) {
    std::vector<std::uint8_t> bytes;
    for (const auto column : all_columns) {
        std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
        std::uint64_t highest = 0;
        for (const auto& cell : cells) {
            // A gap's zeros are known by its seconds, and would only make the others wider.
            if (column > 0 && cell.is_gap()) continue;
            lowest = std::min(lowest, cell.values[column]);
            highest = std::max(highest, cell.values[column]);
        }
        if (lowest > highest) lowest = highest = 0;
        const unsigned base_width = bytes_for(lowest);
        const unsigned width = bytes_for(highest - lowest);
        bytes.push_back(static_cast<std::uint8_t>(base_width << 4 | width));
        write_number(bytes, lowest, base_width);
        for (const auto& cell : cells)
            write_number(bytes, std::max(cell.values[column], lowest) - lowest, width);
    }
    return bytes;
}

std::vector<Cell> unpack_cells(std::span<const std::uint8_t> bytes, std::size_t count) {
    std::vector<Cell> cells(count);
    for (const auto column : all_columns) {
        const auto widths = static_cast<unsigned>(read_number(bytes, 1));
        const auto base = read_number(bytes, widths >> 4);
        for (auto& cell : cells)
            cell.values[column] = base + read_number(bytes, widths & 15U);
    }
    for (auto& cell : cells)
        if (cell.is_gap()) cell = {};
    return cells;
}

void Ring::add(const Stretch& stretch) {
    const auto length = stretch.end - stretch.begin;
    // Two seconds for the finest: readings may be that far apart where there is much to read.
    if (length <= 0 || length > std::max<std::int64_t>(width_, 2)) return;
    auto begin = stretch.begin;
    while (begin < stretch.end) {
        const auto number = begin / width_;
        const auto end = std::min<std::int64_t>(stretch.end, (number + 1) * width_);
        auto& cell = cell_at(number);
        cell[Column::seconds] += static_cast<std::uint64_t>(end - begin);
        for (std::size_t column = 1; column < first_sum; ++column)
            cell.values[column] = std::max(cell.values[column], stretch.cell.values[column]);
        for (std::size_t column = first_sum; column < columns; ++column) {
            const auto sum = stretch.cell.values[column];
            cell.values[column] +=
                share(sum, end - stretch.begin, length) - share(sum, begin - stretch.begin, length);
        }
        begin = end;
    }
    measure();
}

Cell& Ring::cell_at(std::int64_t number) {
    if (chunk_of(number) != open_chunk_) close_chunk();
    open_chunk_ = chunk_of(number);
    const auto place = static_cast<std::size_t>(number % chunk_cells);
    if (place >= open_.size()) open_.resize(place + 1);
    return open_[place];
}

void Ring::close_chunk() {
    if (open_.empty()) return;
    open_.resize(chunk_cells);
    const auto bytes = pack_cells(open_);
    open_.clear();
    auto& packed =
        packed_.emplace_back(Packed{open_chunk_, std::make_unique<std::uint8_t[]>(bytes.size()),
                                    static_cast<std::uint32_t>(bytes.size())});
    std::ranges::copy(bytes, packed.bytes.get());
    packed_bytes_ += bytes.size() + allocation_bytes;
    // The chunk that now begins may stand anywhere in its first cell.
    const auto oldest = open_chunk_ + 1 - (cells_ + chunk_cells - 1) / chunk_cells;
    const auto kept =
        std::ranges::find_if(packed_, [&](const Packed& each) { return each.chunk >= oldest; });
    for (auto gone = packed_.begin(); gone != kept; ++gone)
        packed_bytes_ -= gone->size + allocation_bytes;
    packed_.erase(packed_.begin(), kept);
}

void Ring::measure() {
    memory_ = packed_bytes_ + open_.capacity() * sizeof(Cell) +
              packed_.capacity() * sizeof(Packed) + 2 * allocation_bytes;
}

std::vector<Cell> Ring::read(std::int64_t first, std::int64_t last) const {
    std::vector<Cell> found;
    if (last < first) return found;
    found.resize(static_cast<std::size_t>(last - first + 1));
    const auto put = [&](std::int64_t chunk, const std::vector<Cell>& cells) {
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const auto number = chunk * chunk_cells + static_cast<std::int64_t>(i);
            if (number >= first && number <= last)
                found[static_cast<std::size_t>(number - first)] = cells[i];
        }
    };
    for (const auto& packed : packed_) {
        if (packed.chunk < chunk_of(first) || packed.chunk > chunk_of(last)) continue;
        put(packed.chunk, unpack_cells({packed.bytes.get(), packed.size}, chunk_cells));
    }
    put(open_chunk_, open_);
    return found;
}

}  // namespace shoal::telemetry

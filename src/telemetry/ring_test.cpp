#include "telemetry/ring.h"

#include <gtest/gtest.h>

#include <random>

namespace shoal::telemetry {
namespace {

Stretch stretch(std::int64_t begin, std::int64_t end, std::uint64_t bytes,
                std::uint64_t active = 0) {
    Stretch made{begin, end};
    made.cell[Column::bytes_in] = bytes;
    made.cell[Column::active] = active;
    return made;
}

std::uint64_t sum_of(const std::vector<Cell>& cells, Column column) {
    std::uint64_t sum = 0;
    for (const auto& cell : cells)
        sum += cell[column];
    return sum;
}

TEST(Ring, what_comes_in_a_second_stands_in_its_cell) {
    Ring ring(1, 300);
    ring.add(stretch(0, 1, 100, 7));
    ring.add(stretch(1, 2, 250, 5));
    const auto cells = ring.read(0, 2);
    ASSERT_EQ(cells.size(), 3U);
    EXPECT_EQ(cells[0][Column::bytes_in], 100U);
    EXPECT_EQ(cells[0][Column::active], 7U);
    EXPECT_EQ(cells[1][Column::bytes_in], 250U);
    EXPECT_EQ(cells[1][Column::seconds], 1U);
    EXPECT_TRUE(cells[2].is_gap());
}

TEST(Ring, a_wide_cell_has_the_sum_and_the_most_at_once) {
    Ring ring(10, 720);
    for (int second = 0; second < 10; ++second)
        ring.add(stretch(second, second + 1, 3, second == 4 ? 90 : 10));
    const auto cells = ring.read(0, 0);
    EXPECT_EQ(cells[0][Column::bytes_in], 30U);
    EXPECT_EQ(cells[0][Column::active], 90U);
    EXPECT_EQ(cells[0][Column::seconds], 10U);
}

TEST(Ring, readings_two_seconds_apart_are_spread_without_losing_any) {
    Ring ring(1, 300);
    ring.add(stretch(0, 2, 7));
    const auto cells = ring.read(0, 1);
    EXPECT_EQ(cells[0][Column::bytes_in], 3U);
    EXPECT_EQ(cells[1][Column::bytes_in], 4U);
}

TEST(Ring, a_stretch_too_long_for_a_cell_is_a_gap_where_cells_are_narrow) {
    Ring narrow(1, 300);
    Ring wide(10, 720);
    for (auto* ring : {&narrow, &wide}) {
        ring->add(stretch(0, 1, 1));
        ring->add(stretch(1, 8, 700));
        ring->add(stretch(8, 9, 1));
    }
    const auto cells = narrow.read(0, 8);
    EXPECT_FALSE(cells[0].is_gap());
    for (std::size_t second = 1; second < 8; ++second)
        EXPECT_TRUE(cells[second].is_gap());
    EXPECT_EQ(cells[8][Column::bytes_in], 1U);
    EXPECT_EQ(wide.read(0, 0)[0][Column::bytes_in], 702U);
    EXPECT_EQ(wide.read(0, 0)[0][Column::seconds], 9U);
}

TEST(Ring, the_oldest_cells_go_and_the_last_ones_are_all_there) {
    Ring ring(1, 300);
    for (std::int64_t second = 0; second < 10'000; ++second) {
        ring.add(stretch(second, second + 1, static_cast<std::uint64_t>(second)));
        const auto first = std::max<std::int64_t>(0, second - 299);
        const auto cells = ring.read(first, second);
        ASSERT_EQ(cells.front()[Column::bytes_in], static_cast<std::uint64_t>(first));
        ASSERT_EQ(cells.back()[Column::bytes_in], static_cast<std::uint64_t>(second));
    }
    EXPECT_TRUE(ring.read(9'000, 9'000)[0].is_gap());
}

TEST(Ring, after_a_long_gap_nothing_of_before_is_taken_for_now) {
    Ring ring(1, 300);
    ring.add(stretch(0, 1, 5));
    ring.add(stretch(32 * 400, 32 * 400 + 1, 6));
    const auto cells = ring.read(32 * 400 - 299, 32 * 400);
    EXPECT_EQ(sum_of(cells, Column::bytes_in), 6U);
    EXPECT_EQ(sum_of(cells, Column::seconds), 1U);
}

TEST(Ring, cells_come_out_of_their_packing_as_they_were) {
    std::mt19937_64 random(4711);
    for (int round = 0; round < 500; ++round) {
        std::vector<Cell> cells(random() % 33);
        for (auto& cell : cells) {
            if (random() % 4 == 0) continue;
            const auto wide = random() % 64;
            for (auto& value : cell.values)
                value = random() >> wide;
            cell[Column::seconds] = 1 + random() % 300;
        }
        ASSERT_EQ(unpack_cells(pack_cells(cells), cells.size()), cells);
    }
}

TEST(Ring, sums_are_right_whatever_the_pieces) {
    std::mt19937_64 random(42);
    for (int round = 0; round < 50; ++round) {
        Ring ring(10, 720);
        std::uint64_t sum = 0;
        std::int64_t second = 0;
        while (second < 7'000) {
            const auto length = static_cast<std::int64_t>(1 + random() % 10);
            const auto bytes = random() >> (20 + random() % 40);
            ring.add(stretch(second, second + length, bytes));
            sum += bytes;
            second += length;
        }
        EXPECT_EQ(sum_of(ring.read(0, second / 10), Column::bytes_in), sum);
        EXPECT_EQ(sum_of(ring.read(0, second / 10), Column::seconds),
                  static_cast<std::uint64_t>(second));
    }
}

TEST(Ring, what_is_idle_costs_next_to_nothing) {
    Ring ring(1, 300);
    for (std::int64_t second = 0; second < 1'000; ++second)
        ring.add(stretch(second, second + 1, 0));
    // Open cells: 32 of 64 bytes.
    EXPECT_LT(ring.memory(), 3'200U);
}

}  // namespace
}  // namespace shoal::telemetry

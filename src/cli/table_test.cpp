#include "cli/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/format.h"

namespace shoal::cli {
namespace {

Table example() {
    Table table({{.title = "Name", .shortest = 4},
                 {.title = "Bytes", .align = Align::right},
                 {.title = "State"}});
    table.add({{.text = "alpha-server"}, number_cell(1'234'567), {.text = "up"}});
    table.add({{.text = "b"}, number_cell(42), {.text = "unknown"}});
    return table;
}

std::string render(Table table, std::size_t width, bool utf8 = false) {
    return table.render({.width = width, .utf8 = utf8});
}

TEST(Table, numbers_stand_at_the_right_and_lines_have_no_blanks_at_their_end) {
    EXPECT_EQ(render(example(), 80),
              "Name            Bytes  State\n"
              "alpha-server  1234567  up\n"
              "b                  42  unknown\n");
}

TEST(Table, first_the_gaps_give_way) {
    EXPECT_EQ(render(example(), 29),
              "Name           Bytes State\n"
              "alpha-server 1234567 up\n"
              "b                 42 unknown\n");
}

TEST(Table, then_numbers_become_brief) {
    EXPECT_EQ(render(example(), 27),
              "Name         Bytes State\n"
              "alpha-server 1.23M up\n"
              "b               42 unknown\n");
}

TEST(Table, then_text_is_cut_where_it_may_be) {
    EXPECT_EQ(render(example(), 20),
              "Name   Bytes State\n"
              "alpha~ 1.23M up\n"
              "b         42 unknown\n");
    EXPECT_EQ(render(example(), 20, true),
              "Name   Bytes State\n"
              "alpha… 1.23M up\n"
              "b         42 unknown\n");
}

TEST(Table, at_last_rows_are_broken_and_nothing_is_lost) {
    EXPECT_EQ(render(example(), 17),
              "Name\n"
              "     Bytes\n"
              "     State\n"
              "alpha-server\n"
              "     1.23M\n"
              "     up\n"
              "b\n"
              "        42\n"
              "     unknown\n");
}

TEST(Table, the_last_column_may_go_on_in_the_next_line) {
    Table table({{.title = "Device"}, {.title = "Why", .shortest = 10, .wraps = true}});
    table.add({{.text = "wan0"}, {.text = "the driver takes no more than 3520 bytes"}});
    EXPECT_EQ(render(table, 24),
              "Device Why\n"
              "wan0   the driver takes\n"
              "       no more than 3520\n"
              "       bytes\n");
    EXPECT_EQ(render(table, 80),
              "Device  Why\n"
              "wan0    the driver takes no more than 3520 bytes\n");
}

TEST(Table, lines_span_all_columns) {
    auto table = example();
    table.set_preface("of all servers here");
    table.add_line("that was all of them");
    EXPECT_EQ(render(std::move(table), 80),
              "of all servers here\n"
              "Name            Bytes  State\n"
              "alpha-server  1234567  up\n"
              "b                  42  unknown\n"
              "that was all of them\n");
}

TEST(Table, no_line_is_ever_wider_than_the_terminal) {
    for (std::size_t width = 1; width < 100; ++width) {
        auto table = example();
        table.add_line("a line that is much longer than the columns of the table are wide");
        std::istringstream lines(render(std::move(table), width, true));
        for (std::string line; std::getline(lines, line);)
            EXPECT_LE(width_of(line), width) << line;
    }
}

TEST(Table, more_rows_keep_the_places_of_the_columns) {
    auto table = example();
    table.render({.width = 80});
    table.clear();
    table.add({{.text = "c"}, number_cell(7), {.text = "down"}});
    EXPECT_EQ(table.render({.width = 80}), "c                   7  down\n");
}

TEST(Table, colour_does_not_shift_columns) {
    Table table({{.title = "A"}, {.title = "B"}});
    table.add({{.text = "up", .style = Style::good}, {.text = "x"}});
    table.add({{.text = "down", .style = Style::bad}, {.text = "y"}});
    EXPECT_EQ(table.render({.width = 80, .colour = true}),
              "\033[1mA\033[0m     \033[1mB\033[0m\n"
              "\033[32mup\033[0m    x\n"
              "\033[31mdown\033[0m  y\n");
}

TEST(Table, text_from_elsewhere_cannot_move_the_cursor) {
    Table table({{.title = "A"}});
    table.add({{.text = "\033[2J\n"}});
    table.add_line("\r\033]0;title\a");
    EXPECT_EQ(render(std::move(table), 80), "A\n?[2J?\n??]0;title?\n");
}

}  // namespace
}  // namespace shoal::cli

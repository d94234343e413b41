#include "cli/terminal.h"

#include <gtest/gtest.h>

#include <map>

namespace shoal::cli {
namespace {

Environment environment(std::map<std::string, std::string> variables) {
    return [variables](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? "" : found->second;
    };
}

constexpr Terminal ascii{.width = 80};
constexpr Terminal utf8{.width = 80, .utf8 = true};

TEST(Terminal, width_is_the_windows_else_columns_else_80) {
    EXPECT_EQ(terminal_from(132, environment({{"COLUMNS", "40"}})).width, 132U);
    EXPECT_EQ(terminal_from(0, environment({{"COLUMNS", "40"}})).width, 40U);
    EXPECT_EQ(terminal_from({}, environment({{"COLUMNS", "40"}})).width, 40U);
    EXPECT_EQ(terminal_from({}, environment({})).width, 80U);
    for (const auto* wrong : {"0", "-1", "wide", "40x", "99999999999999999999"})
        EXPECT_EQ(terminal_from({}, environment({{"COLUMNS", wrong}})).width, 80U) << wrong;
}

TEST(Terminal, colour_is_for_terminals_that_want_it) {
    EXPECT_TRUE(terminal_from(80, environment({})).colour);
    EXPECT_FALSE(terminal_from({}, environment({})).colour);
    EXPECT_FALSE(terminal_from(80, environment({{"NO_COLOR", "1"}})).colour);
    EXPECT_FALSE(terminal_from(80, environment({{"TERM", "dumb"}})).colour);
    EXPECT_EQ(styled("x", Style::bad, utf8), "x");
    EXPECT_EQ(styled("x", Style::bad, {.colour = true}), "\033[31mx\033[0m");
    EXPECT_EQ(styled("x", Style::plain, {.colour = true}), "x");
}

TEST(Terminal, the_first_locale_variable_that_is_set_decides) {
    EXPECT_TRUE(terminal_from({}, environment({{"LANG", "de_DE.UTF-8"}})).utf8);
    EXPECT_TRUE(terminal_from({}, environment({{"LC_CTYPE", "C.utf8"}, {"LANG", "C"}})).utf8);
    EXPECT_FALSE(terminal_from({}, environment({{"LC_ALL", "C"}, {"LANG", "C.UTF-8"}})).utf8);
    EXPECT_FALSE(terminal_from({}, environment({})).utf8);
}

TEST(Printable, no_control_character_reaches_the_terminal) {
    EXPECT_EQ(printable("a\033[31mb\nc\x7f", utf8), "a?[31mb?c?");
    // CSI as one C1 character, and an override of the writing direction.
    EXPECT_EQ(printable("a\u009b31m\u202eb", utf8), "a?31m?b");
    EXPECT_EQ(printable(std::string("\0", 1), utf8), "?");
}

TEST(Printable, broken_utf8_becomes_question_marks) {
    EXPECT_EQ(printable("a\xff\xc3", utf8), "a??");
    EXPECT_EQ(printable("\xe2\x82", utf8), "??");
    EXPECT_EQ(printable("\xc0\xaf", utf8), "??");
    EXPECT_EQ(printable("Zürich €", utf8), "Zürich €");
    EXPECT_EQ(printable("Zürich €", ascii), "Z?rich ?");
}

TEST(Cut, counts_characters_and_leaves_a_mark) {
    EXPECT_EQ(width_of("Zürich €"), 8U);
    EXPECT_EQ(cut("Zürich", 6, utf8), "Zürich");
    EXPECT_EQ(cut("Zürich", 5, utf8), "Züri…");
    EXPECT_EQ(cut("Zürich", 2, utf8), "Z…");
    EXPECT_EQ(cut("Zürich", 1, utf8), "…");
    EXPECT_EQ(cut("Zürich", 0, utf8), "");
    EXPECT_EQ(cut("Zurich", 5, ascii), "Zuri~");
}

}  // namespace
}  // namespace shoal::cli

#include "config/problem.h"

#include <gtest/gtest.h>

namespace shoal::config {
namespace {

std::string rendered(std::string_view text, int line, int column) {
    return render({{line, column, "message", ""}}, "f", text);
}

TEST(Render, shows_place_line_caret_and_advice) {
    EXPECT_EQ(render({{2, 1, "unknown setting \"prot\"", "did you mean \"port\"?"}}, "shoal.toml",
                     "[global]\nprot = 80\n"),
              "shoal.toml:2:1: unknown setting \"prot\"\n"
              "    2 | prot = 80\n"
              "      | ^\n"
              "        did you mean \"port\"?\n");
}

TEST(Render, a_problem_of_the_whole_file_has_no_line) {
    EXPECT_EQ(render({{0, 0, "too long", "at most 7"}}, "f", "x"),
              "f: too long\n        at most 7\n");
}

TEST(Render, counts_characters_not_bytes) {
    EXPECT_EQ(
        rendered("name = \"über\" !", 1, 15),
        "f:1:15: message\n    1 | name = \"über\" !\n      | " + std::string(14, ' ') + "^\n");
}

TEST(Render, shows_tabs_as_blanks_and_control_characters_as_question_marks) {
    EXPECT_EQ(rendered("\ta\x1b[1m\xff \xc2\x9b=\r\n", 1, 2),
              "f:1:2: message\n    1 |  a?[1m? ?=\n      |  ^\n");
}

TEST(Render, the_last_line_needs_no_line_end) {
    EXPECT_EQ(rendered("a\nb", 2, 2), "f:2:2: message\n    2 | b\n      |  ^\n");
    EXPECT_EQ(rendered("a\n", 2, 1), "f:2:1: message\n    2 | \n      | ^\n");
}

TEST(Render, cuts_long_lines_around_the_column) {
    const std::string text = std::string(500, 'a') + "X" + std::string(500, 'b');
    const auto output = rendered(text, 1, 501);
    const auto line =
        output.substr(output.find("| ") + 2, output.find("\n      |") - output.find("| ") - 2);
    EXPECT_EQ(line, "..." + std::string(48, 'a') + "X" + std::string(47, 'b') + "...");
    EXPECT_TRUE(output.ends_with("| " + std::string(51, ' ') + "^\n"));
    EXPECT_NE(rendered(text, 1, 1).find(std::string(96, 'a') + "..."), std::string::npos);
}

TEST(Render, thousands_of_problems_are_counted) {
    const std::vector<Problem> problems(1003, Problem{1, 1, "m", ""});
    EXPECT_TRUE(render(problems, "f", "x").ends_with("f: 3 more problems\n"));
}

}  // namespace
}  // namespace shoal::config

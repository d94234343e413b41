#include "config/text_difference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"

namespace shoal::config {
namespace {

std::string numbered(int first, int last) {
    std::string text;
    for (int i = first; i <= last; ++i)
        text += fmt::format("line {}\n", i);
    return text;
}

TEST(TextDifference, of_equal_texts_is_empty) {
    EXPECT_EQ(unified_difference("a\n", "a\n", "1", "2"), "");
    EXPECT_EQ(unified_difference("", "", "1", "2"), "");
}

TEST(TextDifference, shows_a_changed_line_with_its_context) {
    const auto from = numbered(1, 20);
    auto to = from;
    to.replace(to.find("line 10"), 7, "LINE 10");
    EXPECT_EQ(unified_difference(from, to, "revision 1", "revision 2"),
              "--- revision 1\n+++ revision 2\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n"
              "-line 10\n+LINE 10\n line 11\n line 12\n line 13\n");
}

TEST(TextDifference, joins_changes_whose_context_meets_and_parts_others) {
    const auto difference_of = [](int second) {
        auto to = numbered(1, 40);
        to.replace(to.find("line 10\n"), 8, "x\n");
        const auto other = fmt::format("line {}\n", second);
        to.replace(to.find(other), other.size(), "y\n");
        const auto text = unified_difference(numbered(1, 40), to, "a", "b");
        int hunks = 0;
        for (auto at = text.find("@@ -"); at != std::string::npos; at = text.find("@@ -", at + 1))
            ++hunks;
        return hunks;
    };
    EXPECT_EQ(difference_of(17), 1);
    EXPECT_EQ(difference_of(18), 2);
}

TEST(TextDifference, says_where_the_last_line_has_no_end) {
    EXPECT_EQ(unified_difference("a\nb", "a\nb\n", "1", "2"),
              "--- 1\n+++ 2\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
    EXPECT_EQ(unified_difference("", "a\n", "1", "2"), "--- 1\n+++ 2\n@@ -0,0 +1 @@\n+a\n");
}

TEST(TextDifference, of_texts_without_anything_in_common_is_there_soon) {
    const auto text = unified_difference(numbered(1, 5000), numbered(10001, 15000), "1", "2");
    EXPECT_TRUE(text.starts_with("--- 1\n+++ 2\n@@ -1,5000 +1,5000 @@\n-line 1\n"));
}

/// What patch(1) makes of `from` by the difference.
std::string patched(const std::string& directory, const std::string& from,
                    const std::string& difference) {
    write_file(directory + "/file", from).value();
    write_file(directory + "/patch", difference).value();
    const auto command = fmt::format("cd {} && patch -s --posix -u file patch", directory);
    if (std::system(command.c_str()) != 0) return "patch failed";
    return read_file(directory + "/file").value();
}

RC_GTEST_PROP(TextDifference, patch_makes_one_text_of_the_other, ()) {
    const auto lines = rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4));
    const auto text_of = [](const std::vector<int>& numbers) {
        std::string text;
        for (const int number : numbers)
            text += fmt::format("{}\n", number);
        return text;
    };
    const auto from = text_of(*lines);
    const auto to = text_of(*lines);
    RC_PRE(!from.empty() && !to.empty() && from != to);
    std::string directory = ::testing::TempDir() + "shoal-difference-XXXXXX";
    RC_ASSERT(mkdtemp(directory.data()) != nullptr);
    const auto made = patched(directory, from, unified_difference(from, to, "file", "file"));
    std::filesystem::remove_all(directory);
    RC_ASSERT(made == to);
}

}  // namespace
}  // namespace shoal::config

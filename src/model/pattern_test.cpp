#include "model/pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace shoal::model {
namespace {

TEST(Pattern, matches_anywhere_and_says_what) {
    const auto pattern = Pattern::compile("rea(d+)y").value();
    EXPECT_EQ(pattern.find("220 readdy"), "dd");
    EXPECT_FALSE(pattern.matches("220 reay"));
    EXPECT_EQ(Pattern::compile("^2.0").value().find("220 ready"), "220");
    EXPECT_EQ(Pattern::compile("x(y)?").value().find("x"), "");
}

TEST(Pattern, bytes_are_characters_only_where_that_is_said) {
    const auto bytes = Pattern::compile(R"(\A.\xff\x00$)", Pattern::Characters::bytes).value();
    EXPECT_TRUE(bytes.matches(std::string_view("\xfe\xff\0", 3)));
    EXPECT_FALSE(Pattern::compile("^.$").value().matches("\xff"));
    EXPECT_TRUE(Pattern::compile("^.$").value().matches("ü"));
}

TEST(Pattern, a_bad_one_is_refused_in_words) {
    EXPECT_EQ(Pattern::compile("220 (ready").error().message, "missing ): 220 (ready");
    EXPECT_EQ(Pattern::compile(R"((a)\1)").error().message, R"(invalid escape sequence: \1)");
    EXPECT_FALSE(Pattern::compile("(((x{1,100}){1,100}){1,100})"));
    EXPECT_FALSE(Pattern::compile("\xff"));
}

TEST(Pattern, hostile_text_does_not_make_it_slow) {
    // A backtracking matcher would need 2^65536 steps.
    EXPECT_FALSE(Pattern::compile("(a|aa|a*)*b$").value().matches(std::string(65'536, 'a')));
}

}  // namespace
}  // namespace shoal::model

#include "config/edit/written_text.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "config/toml_document.h"

namespace shoal::config::edit {
namespace {

/// Everything that TOML allows, and that a settings file may have in a corner.
constexpr std::string_view corners =
    "\xef\xbb\xbf# first\r\n"
    "\r\n"
    "  include = [ 'a', \"b\" ]# behind\n"
    "a.b . \"c d\"\t=\t{ x = 1 , y.z = [ [ ], {}, { } ] }\n"
    "text = \"\"\"\n# no comment ]\\\"\"\"\\\n \"\"\"\"\"\n"
    "raw = '''it's [[not]] a header''''\n"
    "[ x . 'y' ] # header\n"
    "# foot\n"
    "\n"
    "# apart\n"
    "\n"
    "\t# above\n"
    "\t[[list]]\n"
    "ports = [\n"
    "  80, # eighty\n"
    "  # alone\n"
    "  443 # last\n"
    "  , \"8000-8100\"\n"
    "]\n"
    "number = 1_000";

TEST(WrittenText, is_put_together_as_it_was) {
    ASSERT_TRUE(parse_toml(corners.substr(3)));
    for (const auto text : {corners, std::string_view(""), std::string_view("\n\n# a"),
                            std::string_view("[a]"), std::string_view("a=1")}) {
        const auto written = take_apart(text);
        ASSERT_TRUE(written) << "line " << written.error();
        EXPECT_EQ(put_together(*written), text);
    }
}

TEST(WrittenText, of_the_examples_is_put_together_as_it_was) {
    for (const auto* name : {"direct-routing", "ftp", "full", "nat", "web-marks"}) {
        const auto text =
            read_file(std::string(SHOAL_SOURCE_DIR "/examples/") + name + ".toml").value();
        const auto written = take_apart(text);
        ASSERT_TRUE(written);
        EXPECT_EQ(put_together(*written), text);
    }
}

TEST(WrittenText, knows_what_goes_with_what) {
    const auto written = take_apart(corners).value();
    ASSERT_EQ(written.sections.size(), 3);
    const auto& first = written.sections.front();
    EXPECT_EQ(first.statements.front().lead, "# first\r\n\r\n  ");
    EXPECT_EQ(first.statements.front().tail, "# behind\n");
    const auto& dotted = std::next(first.statements.begin())->assignment;
    EXPECT_EQ(dotted.keys, (std::vector<std::string>{"a", "b", "c d"}));
    const auto& x = *std::next(written.sections.begin());
    EXPECT_EQ(x.keys, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(x.foot, "# foot\n");
    const auto& list = written.sections.back();
    EXPECT_TRUE(list.is_listed);
    EXPECT_EQ(list.gap, "\n# apart\n\n");
    EXPECT_EQ(list.lead, "\t# above\n\t");
    const auto& ports = list.statements.front().assignment.value.items;
    ASSERT_EQ(ports.size(), 3);
    EXPECT_EQ(ports[0].after, " # eighty");
    EXPECT_EQ(ports[1].lead, "\n  # alone\n  ");
    EXPECT_EQ(ports[1].before_comma, " # last\n  ");
    EXPECT_FALSE(written.ends_with_line_end);
    EXPECT_EQ(written.line_end, "\r\n");
}

TEST(WrittenText, refuses_what_is_no_toml_by_its_line) {
    EXPECT_EQ(take_apart("a = 1\nb\n").error(), 2);
    EXPECT_EQ(take_apart("a = \"\n").error(), 2);
    EXPECT_EQ(take_apart("a = [1, 2\n").error(), 1);
    EXPECT_EQ(take_apart("[a\n").error(), 1);
    EXPECT_EQ(take_apart("a = 1 2\n").error(), 1);
}

}  // namespace
}  // namespace shoal::config::edit

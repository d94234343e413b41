#include "config/keepalived/expansion.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/keepalived/definitions.h"
#include "config/keepalived/repetitions.h"
#include "config/keepalived/testing.h"
#include "config/keepalived/tree.h"

namespace shoal::config::keepalived {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of(const std::vector<Statement>& statements) {
    std::string text;
    for (const auto& statement : statements) {
        if (!text.empty()) text += "; ";
        text += statement.keyword;
        for (const auto& argument : statement.arguments)
            text += "|" + argument;
        if (statement.has_block) text += "{" + text_of(statement.block) + "}";
    }
    return text;
}

struct Outcome {
    std::string tree;
    std::vector<Problem> remarks;
};

Outcome outcome_of(std::string_view text, std::optional<std::string> host = {},
                   TextSources sources = {}) {
    Remarks remarks;
    const ExpansionOptions options{.host = std::move(host), .directory = "/etc/keepalived"};
    const auto lines = expand(text, options, sources, remarks);
    if (!lines) return {"refused: " + lines.error().message, {}};
    const auto tree = read_tree(*lines, remarks);
    if (!tree) return {"refused: " + tree.error().message, {}};
    return {text_of(*tree), remarks.take()};
}

std::string tree_of(std::string_view text) {
    const auto outcome = outcome_of(text);
    EXPECT_TRUE(outcome.remarks.empty()) << outcome.remarks.front().message;
    return outcome.tree;
}

TEST(keepalived_words, are_parted_by_blanks_and_braces) {
    EXPECT_EQ(tree_of("a b  c\n d\te\r\n"), "a|b|c; d|e");
    EXPECT_EQ(tree_of("a b {\n c d\n}\ne"), "a|b{c|d}; e");
    EXPECT_EQ(tree_of("a b{\nc}\n"), "a|b{c}");
    EXPECT_EQ(tree_of("a b\n\n{\nc\n}\n"), "a|b{c}");
    EXPECT_EQ(tree_of("a { b { c } }\nd {}"), "a{b{c}}; d{}");
}

TEST(keepalived_words, end_at_comments_but_not_in_quotes) {
    EXPECT_EQ(tree_of("# all\n! too\na b # c\nd e!f\n"), "a|b; d|e");
    EXPECT_EQ(tree_of(R"(a "b # c" 'd ! e' # f)"), "a|b # c|d ! e");
    EXPECT_EQ(tree_of("a \\# b"), "a|#|b");
    EXPECT_EQ(tree_of("it's # one\n"), "it's");
}

TEST(keepalived_words, of_many_quotes_are_looked_through_once) {
    std::string line = "a ";
    for (int i = 0; i < 500'000; ++i)
        line += R"(\c\")";
    EXPECT_EQ(words_of(line).size(), 2U);
}

TEST(keepalived_words, resolve_quotes_and_escapes) {
    EXPECT_EQ(tree_of(R"(a "b c"d\ e 'f "g"')"), "a|b cd e|f \"g\"");
    EXPECT_EQ(tree_of(R"(a "\x41\102\t\\\"" \cA)"), "a|AB\t\\\"|\x01");
    EXPECT_EQ(tree_of(R"(a "")"), "a|");
    EXPECT_EQ(tree_of(R"(a "b{c}" d{e}f)"), "a|b{c}|d{e}f");
}

TEST(keepalived_definitions, are_substituted_when_they_are_used) {
    EXPECT_EQ(tree_of("$A=10.2.${B}\n$B=0\na ${A}.1\n$B=10\na ${A}.1 $B\n"),
              "a|10.2.0.1; a|10.2.10.1|10");
    EXPECT_EQ(tree_of("$A=x\na $A $Ab ${A}b $B ${B}\n"), "a|x|$Ab|xb|$B|${B}");
    EXPECT_EQ(tree_of("$A=\na $A b\n"), "a|b");
    EXPECT_EQ(tree_of("a ${_PWD} ${_HASH}b ${_BANG}\n"), "a|/etc/keepalived|#b|!");
}

TEST(keepalived_definitions, have_several_lines) {
    EXPECT_EQ(tree_of("$RS= \\\n  real 1.${N} { \\ # comment\n weight 1 \\\n }\n"
                      "vs {\n$N=1\n$RS\n$N=2\n  $RS\n}\n"),
              "vs{real|1.1{weight|1}; real|1.2{weight|1}}");
    EXPECT_EQ(tree_of("$VS= \\\n vs ${V} { \\\n $N=1 \\\n $RS \\\n }\n"
                      "$RS= \\\n real ${V}.${N}\n$V=5\n$VS\n"),
              "vs|5{real|5.1}");
}

TEST(keepalived_definitions, may_have_a_blank_before_their_value_with_a_remark) {
    const auto outcome = outcome_of("$A = 7\na $A\n");
    EXPECT_EQ(outcome.tree, "a|7");
    ASSERT_EQ(outcome.remarks.size(), 1U);
    EXPECT_EQ(outcome.remarks[0].line, 1);
}

TEST(keepalived_definitions, that_go_round_in_a_circle_are_named) {
    const auto outcome = outcome_of("b\n$A=${A}x\na $A\n");
    EXPECT_EQ(outcome.tree, "b");
    ASSERT_EQ(outcome.remarks.size(), 1U);
    EXPECT_EQ(outcome.remarks[0].line, 3);
    EXPECT_THAT(outcome.remarks[0].message, HasSubstr("circle"));
}

TEST(keepalived_definitions, that_explode_are_refused) {
    std::string text = "$A0=xxxxxxxxxx\n";
    for (int i = 1; i < 40; ++i)
        text += fmt::format("$A{}=${{A{}}}${{A{}}}\n", i, i - 1, i - 1);
    EXPECT_THAT(outcome_of(text + "a $A39\n").tree, HasSubstr("too large"));
}

TEST(keepalived_definitions, of_too_many_lines_are_not_built) {
    Definitions definitions;
    definitions.set("E", std::vector<std::string>(1'000));
    std::string line;
    for (int i = 0; i < 1'000; ++i)
        line += "${E}";
    const auto outcome = definitions.substitute(line, "", {5'000, max_expanded_bytes});
    EXPECT_TRUE(outcome.too_large);
    EXPECT_LE(outcome.lines.size(), 5'000U);
    EXPECT_FALSE(definitions.substitute("${E}${E}", "", {1'999, max_expanded_bytes}).too_large);
    EXPECT_TRUE(definitions.substitute("${E}${E}", "", {1'998, max_expanded_bytes}).too_large);

    std::string text = "$E=";
    for (int i = 0; i < 999; ++i)
        text += "\\\n";
    text += fmt::format("\na {}\n", line);
    EXPECT_THAT(outcome_of(text).tree, HasSubstr("too large"));
    EXPECT_THAT(outcome_of("a\n" + std::string(500'000, '\n')).tree, HasSubstr("too large"));
}

TEST(keepalived_definitions, that_double_their_lines_are_refused) {
    std::string text = "$A0=a \\\n b\n";
    for (int i = 1; i < 40; ++i)
        text += fmt::format("$A{}=${{A{}}} \\\n ${{A{}}}\n", i, i - 1, i - 1);
    EXPECT_THAT(outcome_of(text + "$A39\n").tree, HasSubstr("too large"));
}

TEST(keepalived_sequences, repeat_their_line) {
    EXPECT_EQ(tree_of("~SEQ(N, 1, 3) a 10.0.${N}.1\n"), "a|10.0.1.1; a|10.0.2.1; a|10.0.3.1");
    EXPECT_EQ(tree_of("~SEQ(N, 2) a $N\n"), "a|1; a|2");
    EXPECT_EQ(tree_of("~SEQ(N, 8, -4, 0) a $N\n"), "a|8; a|4; a|0");
    EXPECT_EQ(tree_of("~SEQx(N, 0x9, 1, 0xa) ~SEQ(M, 1, 2) a ${N}:${M}\n"),
              "a|9:1; a|9:2; a|a:1; a|a:2");
    EXPECT_EQ(tree_of("~LST({A, B}, {1,2}, {3,4}) a ${A}.${B}\n"), "a|1.2; a|3.4");
}

TEST(keepalived_sequences, that_are_none_or_have_no_end_are_named) {
    for (const auto* text : {"a\n~SEQ(N) b\n", "a\n~SEQ(N, 1, 0, 4) b\n", "a\n~WHAT(N, 1) b\n",
                             "a\n~SEQ(N, 1, 999999999) b\n", "a\n~LST({A,B}, 1) b\n"}) {
        const auto outcome = outcome_of(text);
        EXPECT_EQ(outcome.tree, "a") << text;
        ASSERT_EQ(outcome.remarks.size(), 1U) << text;
        EXPECT_EQ(outcome.remarks[0].line, 2) << text;
    }
}

TEST(keepalived_sequences, that_become_too_large_are_not_built) {
    constexpr std::size_t bytes = 1'000'000;
    const std::string rest(100'000, 'x');
    std::string list = "~LST(N";
    for (int i = 0; i < 10'000; ++i)
        list += ", 1";
    const std::string long_name(100'000, 'N');
    for (const auto& text : {"~SEQ(N, 1, 199000) " + rest, list + ") " + rest,
                             "~SEQ(" + long_name + ", 1, 199000) x"}) {
        const auto repetition = read_repetition(text, {max_expanded_lines, bytes});
        ASSERT_TRUE(repetition);
        EXPECT_GT(repetition->lines.size(), 10U);
        EXPECT_LT(repetition->lines.size(), 30U);
        EXPECT_THAT(outcome_of("a\n" + text + "\n").tree, HasSubstr("too large"));
    }
}

TEST(keepalived_sequences, that_become_too_large_within_one_another_are_refused) {
    std::string text;
    for (int i = 0; i < 700; ++i)
        text += "~SEQ(N, 800) ";
    EXPECT_THAT(outcome_of(text + "a\n").tree, HasSubstr("too large"));
}

TEST(keepalived_conditionals, choose_by_the_host) {
    constexpr auto text = "@main a 1\n@^main a 2\n@main $P=7\nb $P\n$IF=@main\n$IF c\n";
    EXPECT_EQ(outcome_of(text, "main").tree, "a|1; b|7; c");
    EXPECT_EQ(outcome_of(text, "other").tree, "a|2; b|$P");
}

TEST(keepalived_conditionals, of_one_line_come_to_an_end) {
    std::string line;
    for (int i = 0; i < 500'000; ++i)
        line += "@main ";
    EXPECT_THAT(outcome_of(line + "a\n", "main").tree, HasSubstr("too large"));
    EXPECT_EQ(outcome_of("@main @main @^other a\n", "main").tree, "a");
}

TEST(keepalived_conditionals, are_left_out_and_named_without_a_host) {
    const auto outcome = outcome_of("a\n@main b\n@^main c\n");
    EXPECT_EQ(outcome.tree, "a");
    ASSERT_EQ(outcome.remarks.size(), 2U);
    EXPECT_EQ(outcome.remarks[0].line, 2);
    EXPECT_THAT(outcome.remarks[0].message, HasSubstr("the host \"main\""));
    EXPECT_THAT(outcome.remarks[1].message, HasSubstr("other than \"main\""));
}

TEST(keepalived_includes, read_files_beside_the_including_one) {
    TextSources sources;
    sources.files = {{"/etc/keepalived/conf.d/1.conf", "b\ninclude sub/x\n"},
                     {"/etc/keepalived/conf.d/2.conf", "d {\n"},
                     {"/etc/keepalived/conf.d/sub/x", "c ${_PWD}\n"}};
    const auto outcome = outcome_of("a\ninclude conf.d/*\n}\ne", {}, sources);
    EXPECT_EQ(outcome.tree, "a; b; c|/etc/keepalived/conf.d/sub; d{}; e");
    EXPECT_TRUE(outcome.remarks.empty());
}

TEST(keepalived_includes, name_the_file_and_the_line_of_a_remark) {
    TextSources sources;
    sources.files = {{"/etc/keepalived/b", "x\n}\n"}};
    const auto outcome = outcome_of("a\n  include \"b\"\ninclude c\n", {}, sources);
    ASSERT_EQ(outcome.remarks.size(), 2U);
    EXPECT_EQ(outcome.remarks[0].line, 2);
    EXPECT_EQ(outcome.remarks[0].column, 3);
    EXPECT_EQ(outcome.remarks[0].message, "\"/etc/keepalived/b\", line 2: a } too many");
    EXPECT_EQ(outcome.remarks[1].message, "there is no file \"c\"");
}

TEST(keepalived_includes, of_a_file_by_itself_come_to_an_end) {
    TextSources sources;
    sources.files = {{"/etc/keepalived/b", "x\ninclude b\n"}};
    const auto outcome = outcome_of("include b\n", {}, sources);
    ASSERT_EQ(outcome.remarks.size(), 1U);
    EXPECT_THAT(outcome.remarks[0].message, HasSubstr("files include files"));
}

TEST(keepalived_trees, survive_braces_that_are_missing_or_too_many) {
    const auto open = outcome_of("a {\nb\n");
    EXPECT_EQ(open.tree, "a{b}");
    ASSERT_EQ(open.remarks.size(), 1U);
    EXPECT_EQ(open.remarks[0].line, 1);

    const auto unclosed = outcome_of(
        "virtual_server 1 {\nreal_server 2 {\n}\n"
        "virtual_server 3 {\n}\n");
    EXPECT_EQ(unclosed.tree, "virtual_server|1{real_server|2{}}; virtual_server|3{}");
    ASSERT_EQ(unclosed.remarks.size(), 1U);
    EXPECT_EQ(unclosed.remarks[0].line, 1);

    const auto nothing = outcome_of("{\na\n}\n}\nb\n");
    EXPECT_EQ(nothing.tree, "{a}; b");
    EXPECT_EQ(nothing.remarks.size(), 2U);
}

TEST(keepalived_trees, that_are_too_deep_are_refused) {
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += "a {\n";
    EXPECT_THAT(outcome_of(text).tree, HasSubstr("refused"));
    EXPECT_THAT(outcome_of("a" + std::string(1'000'000, '{')).tree, HasSubstr("refused"));
}

TEST(keepalived_templates, are_named_line_by_line) {
    const auto outcome = outcome_of("a {{ address }} {\n{% for x in y %}\nb\n{# c #}\n}\n");
    EXPECT_EQ(outcome.tree, "a|{{ address }}{b}");
    ASSERT_EQ(outcome.remarks.size(), 2U);
    EXPECT_EQ(outcome.remarks[0].line, 2);
    EXPECT_EQ(outcome.remarks[1].line, 4);
}

}  // namespace
}  // namespace shoal::config::keepalived

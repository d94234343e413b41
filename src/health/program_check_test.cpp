#include "health/program_check.h"

#include <gtest/gtest.h>

namespace shoal::health {
namespace {

using End = ProgramResult::End;
using Words = std::vector<std::string>;

Question question() {
    return {.address = *net::Address::parse("10.11.12.1"),
            .port = 53,
            .monitor = {},
            .name = "dns-1",
            .virtual_address = *net::Address::parse("192.0.2.80")};
}

ProgramResult said(std::string output) {
    return {.end = End::exited, .output = std::move(output)};
}

TEST(program_check, each_token_is_replaced_also_inside_of_words) {
    EXPECT_EQ(words_for({"/bin/check", "%h", "@%h:%p", "%v", "--name=%n"}, question()),
              (Words{"/bin/check", "10.11.12.1", "@10.11.12.1:53", "192.0.2.80", "--name=dns-1"}));
}

TEST(program_check, a_percent_sign_is_written_twice_and_others_stay) {
    EXPECT_EQ(words_for({"100%%", "%%h", "%x", "%"}, question()), (Words{"100%", "%h", "%x", "%"}));
}

TEST(program_check, what_a_name_holds_is_not_replaced_again) {
    auto asked = question();
    asked.name = "%h %%";
    EXPECT_EQ(words_for({"%n"}, asked), Words{"%h %%"});
}

TEST(program_check, the_output_must_be_what_is_expected_but_for_one_line_feed) {
    EXPECT_EQ(judge_program(said("OK\n"), "OK", "").outcome, Outcome::answered);
    EXPECT_EQ(judge_program(said("OK"), "OK", "").outcome, Outcome::answered);
    EXPECT_EQ(judge_program(said("OK\n\n"), "OK", "").outcome, Outcome::failed);
    EXPECT_EQ(judge_program(said("OK, nearly"), "OK", "").outcome, Outcome::failed);
    EXPECT_EQ(judge_program(said("FAIL\n"), "OK", "").reason,
              "the program said \"FAIL\" instead of \"OK\"");
    EXPECT_EQ(judge_program(said(""), "OK", "").reason, "the program said \"\" instead of \"OK\"");
}

TEST(program_check, a_pattern_matches_somewhere_in_the_output) {
    EXPECT_EQ(judge_program(said("lag: 12 ms\n"), "", "lag: [0-9]+ ms$").outcome,
              Outcome::answered);
    const auto wrong = judge_program(said("lag: much\n"), "", "[0-9]+");
    EXPECT_EQ(wrong.outcome, Outcome::failed);
    EXPECT_EQ(wrong.reason, "the program said \"lag: much\", which does not match \"[0-9]+\"");
}

TEST(program_check, with_nothing_expected_the_exit_code_decides) {
    EXPECT_EQ(judge_program(said("whatever"), "", "").outcome, Outcome::answered);
    EXPECT_EQ(judge_program({.end = End::exited, .code = 1, .output = "OK"}, "OK", "").outcome,
              Outcome::failed);
}

TEST(program_check, each_way_to_fail_has_a_reason_of_its_own) {
    const auto judge = [](const ProgramResult& result) { return judge_program(result, "OK", ""); };
    EXPECT_EQ(judge({.end = End::exited, .code = 3, .reason = "no\ttime\nmore"}).reason,
              "the program ended with code 3: no?time");
    EXPECT_EQ(judge({.end = End::exited, .code = 3}).reason, "the program ended with code 3");
    EXPECT_EQ(judge({.end = End::signalled, .code = 11}).reason,
              "the program was killed by signal 11 (Segmentation fault)");
    const auto late = judge({.end = End::timed_out});
    EXPECT_EQ(late.reason, "the program took longer than its time limit");
    EXPECT_EQ(late.outcome, Outcome::silent);
    const auto missing = judge({.end = End::not_started, .reason = "/x: no such file"});
    EXPECT_EQ(missing.reason, "the program cannot be started: /x: no such file");
    EXPECT_EQ(missing.outcome, Outcome::failed);
}

TEST(program_check, a_program_that_nobody_ran_says_nothing_of_the_server) {
    const auto result =
        judge_program({.end = End::not_asked, .reason = "shoal-run is not running"}, "OK", "");
    EXPECT_EQ(result.outcome, Outcome::not_asked);
    EXPECT_EQ(result.reason, "the program was not run: shoal-run is not running");
}

}  // namespace
}  // namespace shoal::health

#include "health/loads/agent_line.h"

#include <gtest/gtest.h>

#include <string>

namespace shoal::health {
namespace {

TEST(AgentLine, reads_a_percentage) {
    EXPECT_EQ(read_agent_line("75%\n"), (AgentLine{.percent = 75, .wish = {}, .up = {}}));
    EXPECT_EQ(read_agent_line("0%\r\n")->percent, 0U);
}

TEST(AgentLine, reads_words_in_any_order_and_case) {
    EXPECT_EQ(read_agent_line("Ready, UP\t50% maxconn:30\n"),
              (AgentLine{.percent = 50, .wish = AgentWish::ready, .up = true}));
    EXPECT_EQ(read_agent_line("drain")->wish, AgentWish::drain);
    EXPECT_EQ(read_agent_line("maint")->wish, AgentWish::maintenance);
}

TEST(AgentLine, knows_each_word_for_down) {
    for (const auto* word : {"down", "failed", "stopped", "fail"})
        EXPECT_EQ(read_agent_line(word)->up, false) << word;
}

TEST(AgentLine, leaves_what_stands_behind_a_hash_to_people) {
    EXPECT_EQ(
        read_agent_line("down # the disk is full, 99%\n"),
        (AgentLine{.percent = {}, .wish = {}, .up = false, .reason = "the disk is full, 99%"}));
    EXPECT_EQ(read_agent_line("drain#\n")->reason, "");
    EXPECT_EQ(read_agent_line("drain # \t \n")->reason, "");
    EXPECT_EQ(read_agent_line("up #a#b \r\n#c")->reason, "a#b");
}

TEST(AgentLine, reads_one_line) {
    EXPECT_EQ(read_agent_line("up\ndown\n")->up, true);
}

TEST(AgentLine, refuses_what_it_does_not_know) {
    for (const auto* line : {"", "\n", " , ", "# up", "75", "%", "-1%", "10001%", "99999999999999%",
                             "7 5%", "upp", "up sideways", "maxconn:", "maxconn:x"})
        EXPECT_FALSE(read_agent_line(line)) << line;
    EXPECT_FALSE(read_agent_line(std::string(2000, ' ') + "up"));
}

}  // namespace
}  // namespace shoal::health

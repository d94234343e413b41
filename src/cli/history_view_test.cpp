#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/views.h"

namespace shoal::cli {
namespace {

using telemetry::Column;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Bytes come faster and faster; in the third second shoald was busy.
api::History example() {
    api::History history;
    history.answer.kept = true;
    for (std::uint64_t i = 0; i < 8; ++i) {
        auto& cell = history.answer.cells.emplace_back();
        if (i == 2) continue;
        cell[Column::seconds] = 1;
        cell[Column::active] = 3;
        cell[Column::bytes_in] = i * 100;
    }
    return history;
}

std::string line_with(const std::string& text, const std::string& title) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(title)) return line;
    return "";
}

TEST(HistoryView, shows_numbers_and_their_course) {
    const auto text = render_history(example(), "web/web-1", {.width = 100});
    EXPECT_THAT(line_with(text, "InBytes/s"),
                ::testing::MatchesRegex("InBytes/s +700 +371 +700 +2600 +_\\. :=\\+\\*#"));
    EXPECT_THAT(line_with(text, "ActiveConn"),
                ::testing::MatchesRegex("ActiveConn +3 +3 +3 +## #####"));
    EXPECT_THAT(text, HasSubstr("web/web-1: 8 cells of 1 s each, 1 of them gaps"));
}

TEST(HistoryView, draws_blocks_where_the_terminal_can) {
    const auto text = render_history(example(), "web", {.width = 100, .utf8 = true});
    EXPECT_THAT(line_with(text, "ActiveConn"), HasSubstr("██ █████"));
    EXPECT_THAT(line_with(text, "OutBytes/s"), HasSubstr("▁▁ ▁▁▁▁▁"));
}

TEST(HistoryView, a_wide_cell_counts_per_second) {
    auto history = example();
    history.answer.seconds = 10;
    history.answer.cells.resize(1);
    history.answer.cells[0][Column::seconds] = 5;
    history.answer.cells[0][Column::connections] = 50;
    EXPECT_THAT(line_with(render_history(history, "", {}), "Conns/s"),
                ::testing::MatchesRegex("Conns/s +10 +10 +10 +50 +#"));
}

TEST(HistoryView, fits_narrow_terminals) {
    auto history = example();
    for (auto& cell : history.answer.cells)
        for (auto& value : cell.values)
            value *= 1'000'000'000;
    for (const std::size_t width : {20U, 40U, 60U, 80U, 200U}) {
        std::istringstream lines(render_history(history, "web/web-1", {.width = width}));
        for (std::string line; std::getline(lines, line);)
            if (!line.starts_with("web/web-1")) EXPECT_LE(width_of(line), width) << line;
    }
}

TEST(HistoryView, says_what_is_not_known) {
    api::History history;
    EXPECT_THAT(render_history(history, "web", {}),
                HasSubstr("nothing is kept of web yet: it is watched from now on"));
    history.answer.kept = true;
    history.answer.cells.resize(5);
    EXPECT_EQ(render_history(history, "", {}), "nothing is known of the director in this time\n");
}

TEST(Happening, is_a_line_with_its_time) {
    const auto line = render_happening(
        R"({"time_ms": 1795430125000, "text": "web is down: \u001b[2J said \"x\""})", {});
    EXPECT_THAT(line, StartsWith("2026-11-2"));
    EXPECT_THAT(line, EndsWith("  web is down: ?[2J said \"x\"\n"));
    for (const auto* text : {"", "[]", "{", "3"})
        EXPECT_EQ(render_happening(text, {}), "");
    EXPECT_THAT(render_happening(R"({"time_ms": "x", "text": 3})", {}), EndsWith("  \n"));
}

}  // namespace
}  // namespace shoal::cli

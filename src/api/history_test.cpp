#include "api/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/fake_control.h"

namespace shoal::api {
namespace {

using telemetry::Cell;
using telemetry::Column;
using ::testing::HasSubstr;

class HistoryTest : public ::testing::Test {
  protected:
    HistoryTest() {
        control.ring.kept = true;
        control.ring.begin_ms = 1'800'000'000'000;
        for (std::uint64_t i = 1; i <= 3; ++i) {
            Cell cell;
            cell[Column::seconds] = 1;
            cell[Column::active] = i;
            cell[Column::bytes_out] = i * 10'000'000'000;
            control.ring.cells.push_back(i == 2 ? Cell{} : cell);
        }
    }
    http::HttpResponse ask(Parameters query) {
        return get_history(control, {.query = std::move(query)});
    }

    test::FakeControl control;
};

TEST_F(HistoryTest, is_columns_of_numbers_with_null_in_gaps) {
    const auto response = ask({{"virtual", "web"}, {"fields", "bytes_out,active"}});
    EXPECT_EQ(response.status, 200);
    const auto json = nlohmann::json::parse(response.body);
    EXPECT_EQ(json["ring"], "1s");
    EXPECT_EQ(json["cell_ms"], 1000);
    EXPECT_EQ(json["begin_ms"], 1'800'000'000'000);
    EXPECT_EQ(json["kept"], true);
    EXPECT_EQ(json["columns"],
              nlohmann::json::parse(R"({"seconds": [1, null, 1], "active": [1, null, 3],
                                        "bytes_out": [10000000000, null, 30000000000]})"));
}

TEST_F(HistoryTest, the_question_reaches_the_director) {
    ask({{"virtual", "web"}, {"real", "web-1"}, {"ring", "5m"}, {"from", "1800000000000"}});
    ask({});
    ASSERT_EQ(control.ring_questions.size(), 2U);
    EXPECT_EQ(control.ring_questions[0],
              (director::RingQuestion{"web", "web-1", telemetry::RingWidth::five_minutes,
                                      1'800'000'000'000}));
    EXPECT_EQ(control.ring_questions[1], director::RingQuestion{});
}

TEST_F(HistoryTest, what_is_asked_wrongly_is_refused) {
    const std::vector<Parameters> wrong{{{"ring", "2s"}},     {{"from", "yesterday"}},
                                        {{"from", "-1"}},     {{"fields", "size"}},
                                        {{"fields", ""}},     {{"real", "web-1"}},
                                        {{"colour", "blue"}}, {{"from", "99999999999999999999"}}};
    for (const auto& parameters : wrong) {
        const auto response = ask(parameters);
        EXPECT_EQ(response.status, 400);
        EXPECT_THAT(response.body, HasSubstr(parameters.begin()->first));
    }
    EXPECT_TRUE(control.ring_questions.empty());
}

TEST_F(HistoryTest, a_name_that_nobody_has_is_not_found) {
    control.failure = "there is no virtual server mail";
    control.unknown = true;
    EXPECT_EQ(ask({{"virtual", "mail"}}).status, 404);
}

TEST_F(HistoryTest, is_understood_at_the_other_end) {
    const auto history = parse_history(ask({}).body);
    ASSERT_TRUE(history) << history.error().message;
    EXPECT_EQ(history->answer.cells, control.ring.cells);
    EXPECT_EQ(history->answer.begin_ms, control.ring.begin_ms);
    EXPECT_EQ(history->answer.seconds, 1U);
    EXPECT_GT(history->now_ms, 0);
    for (const auto* text : {"", "[]", "{}", R"({"columns": 3})"})
        EXPECT_FALSE(parse_history(text)) << text;
}

}  // namespace
}  // namespace shoal::api

#include "api/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/fake_control.h"

namespace shoal::api {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

config::Plan example() {
    config::Plan plan;
    config::Change change{.kind = config::DifferenceKind::changed,
                          .path = {{"virtual_server", "web"}, {"real_server", "web-2"}, {"weight"}},
                          .before = "1",
                          .after = "3",
                          .what = "weight of web-2: 1 -> 3",
                          .effect = "about 25 % of new connections move",
                          .severity = config::Severity::new_connections,
                          .moved = 0.25};
    plan.changes = {change};
    plan.pools = {{{"web"}, 0.25, {{"web-1", 0.5, 0.25}, {"web-2", 0.5, std::nullopt}}}};
    plan.severity = config::Severity::ends_connections;
    plan.ended_connections = 7;
    return plan;
}

TEST(PlanResource, has_every_field) {
    test::FakeControl control;
    control.next_plan = example();
    const auto response = post_plan(control, {.body = "[global]"});
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(control.planned, ElementsAre("[global]"));
    const auto plan = json::parse(response.body);
    EXPECT_EQ(plan["changes"][0], json::parse(R"({
        "kind": "changed", "before": "1", "after": "3", "what": "weight of web-2: 1 -> 3",
        "path": [{"key": "virtual_server", "name": "web"}, {"key": "real_server", "name": "web-2"},
                 {"key": "weight"}],
        "effect": "about 25 % of new connections move", "severity": "new connections",
        "ended_connections": 0, "moved": 0.25})"));
    EXPECT_EQ(plan["pools"][0], json::parse(R"({"virtual_servers": ["web"], "moved": 0.25,
        "shares": [{"real_server": "web-1", "before": 0.5, "after": 0.25},
                   {"real_server": "web-2", "before": 0.5, "after": null}]})"));
    EXPECT_EQ(plan["severity"], "ends connections");
    EXPECT_EQ(plan["ended_connections"], 7);
}

TEST(PlanResource, tells_a_failure_of_the_director_from_one_of_the_file) {
    test::FakeControl control;
    control.failure = "reading the data plane: no";
    EXPECT_EQ(post_plan(control, {.body = "[global]"}).status, 500);
    control.failure.clear();
    control.problems = {{1, 1, "a problem", ""}};
    EXPECT_EQ(post_plan(control, {.body = "[global]"}).status, 422);
}

TEST(PlanResource, is_read_back_by_the_command) {
    const auto plan = parse_plan(to_json(example()).dump());
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->lines.size(), 1U);
    EXPECT_EQ(plan->lines[0].table, "virtual_server \"web\"");
    EXPECT_EQ(plan->lines[0].what, "weight of web-2: 1 -> 3");
    EXPECT_EQ(plan->ended_connections, 7U);
    EXPECT_FALSE(parse_plan("{}"));
    EXPECT_FALSE(parse_plan(R"({"changes": [{"path": []}]})"));
}

TEST(PlanResource, of_a_file_with_problems_says_them) {
    test::FakeControl control;
    control.problems = {{2, 1, "unknown setting \"nam\"", ""}};
    const auto response = post_plan(control, {.body = "x"});
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(json::parse(response.body)["problems"][0]["line"], 2);
}

}  // namespace
}  // namespace shoal::api

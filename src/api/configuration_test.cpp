#include "api/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/api.h"
#include "api/author.h"
#include "api/fake_control.h"
#include "base/sha256.h"
#include "http/target.h"

namespace shoal::api {
namespace {

using director::ChangeRefused;
using http::Method;
using nlohmann::json;
using ::testing::HasSubstr;

class ConfigurationApi : public ::testing::Test {
  protected:
    ConfigurationApi() {
        control.known_revisions.heads = {
            {.number = 6, .author = {"alice", 1000}, .comment = "six", .hash = sha256("6")},
            {.number = 7, .author = {"file"}, .comment = "seven", .hash = sha256("7")}};
        control.known_revisions.standing.in_force = 7;
    }
    http::HttpResponse ask(Method method, const std::string& target, std::string body = "",
                           std::string if_match = "") {
        auto parts = *http::parse_target("/api/v1/config" + target);
        return api.answer({.method = method,
                           .target = target,
                           .path = parts.path,
                           .query = parts.query,
                           .body = std::move(body),
                           .peer = {.uid = 0, .gid = 0},
                           .if_match = std::move(if_match)});
    }
    static std::string etag(const http::HttpResponse& response) {
        for (const auto& [name, value] : response.headers)
            if (name == "ETag") return value;
        return "";
    }

    test::FakeControl control;
    Api api{control, {}};
};

TEST_F(ConfigurationApi, the_text_in_force_comes_with_its_etag) {
    const auto response = ask(Method::get, "");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "text seven");
    EXPECT_EQ(response.content_type, "application/toml");
    EXPECT_EQ(etag(response), "\"7-" + sha256("7").substr(0, 16) + "\"");
    EXPECT_EQ(ask(Method::get, "/revisions/6").body, "text six");
    EXPECT_EQ(ask(Method::get, "/revisions/8").status, 404);
    EXPECT_EQ(ask(Method::get, "/revisions/0").status, 404);
    EXPECT_EQ(ask(Method::get, "/revisions/x").status, 404);
    EXPECT_EQ(ask(Method::get, "/file").body, "the file");
}

TEST_F(ConfigurationApi, an_etag_stands_for_the_revision_that_must_be_in_force) {
    const auto tag = etag(ask(Method::get, "/revisions/6"));
    EXPECT_EQ(ask(Method::put, "", "new", tag).status, 200);
    EXPECT_EQ(control.requests.back().expected, 6U);
    EXPECT_EQ(ask(Method::put, "", "new", "*").status, 200);
    EXPECT_FALSE(control.requests.back().expected);
    const auto unknown = ask(Method::put, "", "new", "\"6-0000000000000000\"");
    EXPECT_EQ(unknown.status, 412);
    EXPECT_EQ(control.requests.size(), 2U) << "nothing was applied";
}

TEST_F(ConfigurationApi, a_conflict_names_the_settings) {
    control.change = std::unexpected(ChangeRefused{
        .why = ChangeRefused::Why::conflict,
        .message = "revision 7 by bob is in force, not revision 6",
        .fields = {{"virtual_server web, scheduler", "\"wlc\"", "\"rr\"", "\"sh\""}}});
    const auto response = ask(Method::put, "?expect=6", "new");
    EXPECT_EQ(response.status, 412);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(json::parse(response.body), json::parse(R"({
        "type": "/problems/conflict", "title": "Somebody else changed the configuration",
        "status": 412, "detail": "revision 7 by bob is in force, not revision 6",
        "fields": [{"field": "virtual_server web, scheduler", "base": "\"wlc\"",
                    "theirs": "\"rr\"", "ours": "\"sh\""}]})"));
}

TEST_F(ConfigurationApi, problems_of_a_configuration_come_back) {
    control.change = std::unexpected(
        ChangeRefused{.why = ChangeRefused::Why::problems,
                      .message = "1 problem",
                      .problems = {{2, 1, "unknown setting \"nam\"", "did you mean \"name\"?"}}});
    const auto response = ask(Method::put, "", "[global]\nnam = 1");
    EXPECT_EQ(response.status, 422);
    EXPECT_EQ(json::parse(response.body)["problems"], json::parse(R"([
        {"line": 2, "column": 1, "message": "unknown setting \"nam\"",
         "advice": "did you mean \"name\"?"}])"));
}

TEST_F(ConfigurationApi, what_cannot_be_now_and_what_failed_differ) {
    const auto status_of = [&](ChangeRefused::Why why) {
        control.change =
            std::unexpected(ChangeRefused{.why = why, .message = "no", .failures = {"x"}});
        return ask(Method::post, "/confirm").status;
    };
    EXPECT_EQ(status_of(ChangeRefused::Why::busy), 409);
    EXPECT_EQ(status_of(ChangeRefused::Why::nothing), 409);
    EXPECT_EQ(status_of(ChangeRefused::Why::failed), 500);
    EXPECT_EQ(json::parse(ask(Method::post, "/revert").body)["failures"], json::array({"x"}));
}

TEST_F(ConfigurationApi, a_change_that_takes_its_time_is_answered_at_its_end) {
    control.changes_later = true;
    const auto response = ask(Method::post, "/reload");
    ASSERT_TRUE(response.later);
    EXPECT_FALSE(response.later());
    control.changing(director::Changed{.revision = {.number = 9}, .replaced = 7});
    const auto answer = response.later();
    ASSERT_TRUE(answer);
    EXPECT_EQ(json::parse(answer->body)["revision"]["number"], 9);
    EXPECT_EQ(json::parse(answer->body)["replaced"], 7);
}

TEST_F(ConfigurationApi, parameters_are_checked) {
    for (const auto* query : {"?confirm=soon", "?confirm=0s", "?confirm=25h", "?expect=-1",
                              "?expect=", "?other=1", "?revision=6"})
        EXPECT_EQ(ask(Method::put, query, "x").status, 400) << query;
    EXPECT_EQ(ask(Method::put, "?comment=" + std::string(1025, 'x'), "x").status, 400);
    EXPECT_EQ(ask(Method::post, "/restore").status, 400);
    EXPECT_EQ(ask(Method::post, "/restore?revision=5").status, 404);
    EXPECT_EQ(control.requests.size(), 0U);
    EXPECT_EQ(ask(Method::put, "?comment=why&confirm=90s", "x").status, 200);
    EXPECT_EQ(control.requests.back().comment, "why");
    EXPECT_EQ(control.requests.back().confirm, std::chrono::seconds(90));
    EXPECT_EQ(control.requests.back().author, (config::Author{"root", 0}));
}

TEST_F(ConfigurationApi, validate_changes_nothing) {
    const auto good = json::parse(ask(Method::post, "/validate", "x").body);
    EXPECT_EQ(good, json::parse(R"({"good": true, "problems": [], "notes": []})"));
    control.problems = {{1, 1, "no", ""}};
    EXPECT_EQ(json::parse(ask(Method::post, "/validate", "x").body)["problems"].size(), 1U);
    EXPECT_EQ(control.requests.size(), 0U);
}

TEST_F(ConfigurationApi, revisions_say_what_became_of_them) {
    control.known_revisions.standing.taken_back = {6};
    control.known_revisions.standing.trial = config::Trial{.former = 6};
    const auto list = json::parse(ask(Method::get, "/revisions").body)["revisions"];
    EXPECT_EQ(list[0]["number"], 7);
    EXPECT_EQ(list[0]["state"], "on trial");
    EXPECT_EQ(list[0]["uid"], nullptr);
    EXPECT_EQ(list[1]["state"], "taken back");
    EXPECT_EQ(list[1]["uid"], 1000);
}

TEST_F(ConfigurationApi, every_change_is_noted_with_its_end) {
    ask(Method::get, "");
    ask(Method::post, "/validate", "x");
    EXPECT_EQ(control.notes.size(), 0U);
    ask(Method::put, "?comment=why", "x");
    ask(Method::put, "?confirm=soon", "x");
    control.changes_later = true;
    const auto response = ask(Method::post, "/reload");
    ASSERT_EQ(control.notes.size(), 2U);
    EXPECT_EQ(control.notes[0].user, "root");
    EXPECT_EQ(control.notes[0].uid, 0U);
    EXPECT_EQ(control.notes[0].result, "done: revision 1");
    EXPECT_THAT(control.notes[1].result, HasSubstr("400: parameter"));
    EXPECT_FALSE(response.later());
    control.changing(director::refuse(ChangeRefused::Why::failed, "no memory"));
    EXPECT_TRUE(response.later());
    ASSERT_EQ(control.notes.size(), 3U);
    EXPECT_EQ(control.notes[2].result, "500: no memory");
}

TEST(Author, of_nobody_known_is_the_number) {
    EXPECT_EQ(author_of({.uid = 4'000'000'001}), (config::Author{"4000000001", 4'000'000'001}));
    EXPECT_EQ(author_of({.uid = 0}), (config::Author{"root", 0}));
}

}  // namespace
}  // namespace shoal::api

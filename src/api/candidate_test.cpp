#include "api/candidate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/api.h"
#include "api/fake_control.h"
#include "http/target.h"

namespace shoal::api {
namespace {

using http::Method;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Why = director::ChangeRefused::Why;

constexpr gid_t operators = 42;
const http::Peer root{.uid = 0, .gid = 0};
const http::Peer operator_peer{.uid = 4'000'000, .gid = operators};

class Candidate : public ::testing::Test {
  protected:
    http::HttpResponse ask(Method method, const std::string& target = "", std::string body = "",
                           const http::Peer& peer = root) {
        const auto parsed = http::parse_target("/api/v1/candidate" + target).value();
        return api.answer({.method = method,
                           .target = target,
                           .path = parsed.path,
                           .query = parsed.query,
                           .body = std::move(body),
                           .peer = peer});
    }
    test::FakeControl control;
    Api api{control, operators};
};

TEST_F(Candidate, is_kept_for_each_user) {
    EXPECT_EQ(ask(Method::get).status, 404);
    ASSERT_EQ(ask(Method::put, "", "mine").status, 200);
    ASSERT_EQ(ask(Method::put, "?base=5", "theirs", operator_peer).status, 200);
    const auto mine = json::parse(ask(Method::get).body);
    EXPECT_EQ(mine["text"], "mine");
    EXPECT_EQ(mine["base"], 7);
    EXPECT_EQ(json::parse(ask(Method::get, "", "", operator_peer).body)["base"], 5);
    ASSERT_EQ(ask(Method::delete_).status, 200);
    EXPECT_EQ(ask(Method::get).status, 404);
    EXPECT_EQ(ask(Method::get, "", "", operator_peer).status, 200);
    EXPECT_EQ(ask(Method::put, "?base=x", "mine").status, 400);
    EXPECT_THAT(control.notes, IsEmpty()) << "nothing was changed";
}

TEST_F(Candidate, is_planned_as_it_is) {
    EXPECT_EQ(ask(Method::post, "/plan").status, 404);
    ask(Method::put, "", "mine", operator_peer);
    EXPECT_EQ(ask(Method::post, "/plan", "", operator_peer).status, 200);
    EXPECT_THAT(control.planned, ElementsAre("mine"));
}

TEST_F(Candidate, that_is_applied_is_gone) {
    ask(Method::put, "?base=6", "mine");
    control.changes_later = true;
    const auto response = ask(Method::post, "/apply?comment=at+last&confirm=60s");
    ASSERT_EQ(control.requests.size(), 1U);
    EXPECT_EQ(control.requests[0].text, "mine");
    EXPECT_EQ(control.requests[0].expected, 6U);
    EXPECT_EQ(control.requests[0].confirm, Milliseconds(60'000));
    EXPECT_EQ(control.drafts.size(), 1U) << "it is not in force yet";
    control.changing(control.change);
    EXPECT_EQ(response.later()->status, 200);
    EXPECT_THAT(control.drafts, IsEmpty());
}

TEST_F(Candidate, that_is_refused_stays) {
    ask(Method::put, "", "mine");
    control.change = director::refuse(Why::conflict, "revision 8 is in force, not revision 7");
    EXPECT_EQ(ask(Method::post, "/apply").status, 412);
    EXPECT_EQ(control.drafts.size(), 1U);
    ask(Method::post, "/apply?expect=8");
    EXPECT_EQ(control.requests.back().expected, 8U);
}

TEST_F(Candidate, of_an_operator_is_applied_by_an_administrator_only) {
    ask(Method::put, "", "mine", operator_peer);
    EXPECT_EQ(ask(Method::post, "/apply", "", operator_peer).status, 403);
    EXPECT_THAT(control.applied, IsEmpty());
}

}  // namespace
}  // namespace shoal::api

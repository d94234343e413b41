#include "api/states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/api.h"
#include "api/fake_control.h"
#include "http/target.h"

namespace shoal::api {
namespace {

using director::StateOrder;
using director::TargetName;
using nlohmann::json;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using enum model::AdministrativeState;

constexpr gid_t operators = 900;

class StatesTest : public ::testing::Test {
  protected:
    http::HttpResponse post(const std::string& target,
                            const http::Peer& peer = {.uid = 1000, .gid = operators}) {
        auto parts = *http::parse_target(target);
        return api.answer({.method = http::Method::post,
                           .target = target,
                           .path = parts.path,
                           .query = parts.query,
                           .peer = peer});
    }
    std::string refusal(const std::string& target, int status = 400) {
        const auto response = post(target);
        EXPECT_EQ(response.status, status) << target;
        return json::parse(response.body)["detail"];
    }

    test::FakeControl control;
    Api api{control, operators};
};

TEST_F(StatesTest, each_order_has_its_resource) {
    const std::vector<std::pair<std::string, model::AdministrativeState>> all{
        {"drain", draining}, {"maintain", maintenance}, {"enable", enabled}, {"disable", disabled}};
    for (const auto& [action, state] : all) {
        const auto response = post("/api/v1/" + action + "?server=web%2Fweb-1");
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(json::parse(response.body), (json{{"virtual_server", "web"},
                                                    {"real_server", "web-1"},
                                                    {"state", model::name_of(state)}}));
        EXPECT_THAT(control.orders, ElementsAre(Pair(TargetName{.real_server = "web/web-1"},
                                                     StateOrder{.state = state})));
        control.orders.clear();
    }
}

TEST_F(StatesTest, orders_may_have_times) {
    post("/api/v1/drain?virtual=a%2Fb&real=c&for=1h&deadline=90s");
    EXPECT_THAT(control.orders,
                ElementsAre(Pair(TargetName{.virtual_server = "a/b", .real_server = "c"},
                                 StateOrder{.state = draining,
                                            .lasting = minutes(60),
                                            .deadline = std::chrono::seconds(90)})));
}

TEST_F(StatesTest, what_is_not_understood_changes_nothing) {
    for (const auto* query : {"", "?virtual=web", "?real=web-1", "?server=a/b&virtual=web",
                              "?server=a/b&virtual=web&real=web-1"})
        EXPECT_THAT(refusal(std::string("/api/v1/drain") + query), HasSubstr("VIRTUAL/REAL"));
    for (const auto* time : {"0s", "-1s", "soon", "", "367d", "99999999999999d"})
        EXPECT_THAT(refusal(std::string("/api/v1/drain?server=a/b&for=") + time),
                    HasSubstr("parameter \"for\""));
    EXPECT_THAT(refusal("/api/v1/enable?server=a/b&deadline=1s"), HasSubstr("only draining"));
    EXPECT_THAT(refusal("/api/v1/enable?server=a/b&other=1"), HasSubstr("unknown"));
    EXPECT_THAT(control.orders, IsEmpty());
}

TEST_F(StatesTest, an_unknown_real_server_is_not_found) {
    control.failure = "no such real server";
    control.unknown = true;
    EXPECT_EQ(refusal("/api/v1/drain?server=a/b", 404), "no such real server");
    control.unknown = false;
    EXPECT_EQ(refusal("/api/v1/drain?server=a/b", 500), "no such real server");
}

TEST_F(StatesTest, strangers_give_no_orders) {
    EXPECT_EQ(post("/api/v1/drain?server=a/b", {.uid = 1000, .gid = 1000}).status, 403);
    EXPECT_EQ(post("/api/v1/drain?server=a/b", {.uid = 0, .gid = 0}).status, 200);
}

}  // namespace
}  // namespace shoal::api

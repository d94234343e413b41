#include "api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "api/fake_control.h"
#include "http/target.h"

namespace shoal::api {
namespace {

using http::Method;
using nlohmann::json;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr gid_t operators = 900;
const http::Peer root{.uid = 0, .gid = 0};
const http::Peer by_main_group{.uid = 1000, .gid = operators};
const http::Peer by_other_group{.uid = 1000, .gid = 1000, .supplementary_groups = {4, operators}};
const http::Peer stranger{.uid = 1000, .gid = 1000, .supplementary_groups = {0, 4}};

TEST(Roles, come_from_uid_and_groups) {
    EXPECT_EQ(role_of(root, operators), Role::administrator);
    EXPECT_EQ(role_of(by_main_group, operators), Role::operator_);
    EXPECT_EQ(role_of(by_other_group, operators), Role::operator_);
    EXPECT_EQ(role_of(stranger, operators), Role::none);
    EXPECT_EQ(role_of(http::Peer{}, operators), Role::none);
}

TEST(Roles, without_the_group_only_root_may_anything) {
    EXPECT_EQ(role_of(root, {}), Role::administrator);
    EXPECT_EQ(role_of(by_main_group, {}), Role::none);
    EXPECT_EQ(role_of(http::Peer{}, {}), Role::none);
}

class ApiTest : public ::testing::Test {
  protected:
    http::HttpResponse ask(Method method, const std::string& target, const http::Peer& peer = root,
                           std::string body = "") {
        auto parts = *http::parse_target(target);
        const http::HttpRequest request{.method = method,
                                        .target = target,
                                        .path = parts.path,
                                        .query = parts.query,
                                        .body = std::move(body),
                                        .peer = peer};
        return api.answer(request);
    }
    json get(const std::string& target) {
        const auto response = ask(Method::get, target);
        EXPECT_EQ(response.status, 200) << response.body;
        return json::parse(response.body);
    }
    static std::string message(const http::HttpResponse& response) {
        return json::parse(response.body)["detail"];
    }

    test::FakeControl control;
    Api api{control, operators};
};

TEST_F(ApiTest, operators_do_not_change_the_configuration) {
    for (const auto* target : {"/api/v1/version", "/api/v1/status", "/api/v1/stats",
                               "/api/v1/health", "/api/v1/connections"}) {
        EXPECT_EQ(ask(Method::get, target, by_other_group).status, 200) << target;
        EXPECT_EQ(ask(Method::get, target, stranger).status, 403) << target;
    }
    EXPECT_EQ(ask(Method::put, "/api/v1/config", by_other_group, "[global]").status, 403);
    EXPECT_EQ(ask(Method::post, "/api/v1/stop", by_other_group).status, 403);
    EXPECT_TRUE(control.applied.empty());
    EXPECT_EQ(control.stops, 0);
}

TEST_F(ApiTest, health_is_of_all_or_of_one_virtual_server) {
    control.report = test::example_health();
    EXPECT_EQ(get("/api/v1/health")["targets"].size(), 3U);
    const auto mail = get("/api/v1/health?virtual=mail");
    ASSERT_EQ(mail["targets"].size(), 1U);
    EXPECT_EQ(mail["targets"][0]["check"], "smtp");
    EXPECT_EQ(ask(Method::get, "/api/v1/health?virtual=ftp").status, 404);
    EXPECT_EQ(ask(Method::get, "/api/v1/health?real=web-1").status, 400);
}

TEST_F(ApiTest, a_refusal_says_who_may) {
    EXPECT_EQ(message(ask(Method::get, "/api/v1/status", stranger)),
              "user 1000 may not use shoald: only root and members of the group shoal may");
    EXPECT_EQ(message(ask(Method::post, "/api/v1/stop", by_main_group)),
              "only root may change the configuration or stop the director; members of the group "
              "shoal may read, and take real servers out of service and back");
}

TEST_F(ApiTest, a_refusal_is_logged) {
    ::testing::internal::CaptureStderr();
    ask(Method::post, "/api/v1/stop", stranger);
    EXPECT_THAT(::testing::internal::GetCapturedStderr(),
                HasSubstr("request_refused: POST /api/v1/stop by user 1000, process 0: "));
}

TEST_F(ApiTest, strangers_do_not_learn_what_there_is) {
    EXPECT_EQ(ask(Method::get, "/api/v1/nothing", stranger).status, 403);
    EXPECT_EQ(ask(Method::get, "/api/v1/nothing").status, 404);
}

TEST_F(ApiTest, a_wrong_method_is_told_the_right_one) {
    const auto response = ask(Method::put, "/api/v1/status");
    EXPECT_EQ(response.status, 405);
    ASSERT_EQ(response.headers.size(), 1U);
    EXPECT_EQ(response.headers[0].second, "GET");
    EXPECT_EQ(ask(Method::other, "/api/v1/stop").status, 405);
}

TEST_F(ApiTest, only_a_configuration_has_a_body) {
    const auto longest = [this](Method method, const std::string& name, const http::Peer& peer) {
        return api.admit({.method = method, .path = {"api", "v1", name}, .peer = peer});
    };
    EXPECT_EQ(longest(Method::get, "status", root).value(), 0U);
    EXPECT_EQ(longest(Method::post, "stop", root).value(), 0U);
    EXPECT_EQ(longest(Method::put, "config", root).value(), std::size_t{16} << 20);
    EXPECT_EQ(longest(Method::put, "config", by_main_group).error().status, 403);
}

TEST_F(ApiTest, status_and_statistics_are_the_directors) {
    control.current = test::example_status();
    EXPECT_EQ(get("/api/v1/status")["virtual_servers"][0]["real_servers"][0]["active_connections"],
              12);
    EXPECT_EQ(get("/api/v1/stats")["total"]["connections"], 1'234'567);
    EXPECT_TRUE(get("/api/v1/version").contains("version"));
}

TEST_F(ApiTest, a_failure_of_the_director_is_told) {
    control.failure = "reading map services: Operation not permitted";
    for (const auto* target : {"/api/v1/status", "/api/v1/stats", "/api/v1/connections"}) {
        const auto response = ask(Method::get, target);
        EXPECT_EQ(response.status, 500);
        EXPECT_EQ(message(response), control.failure);
    }
    EXPECT_EQ(ask(Method::post, "/api/v1/stop").status, 500);
}

TEST_F(ApiTest, a_configuration_reaches_the_director_as_it_is) {
    const std::string text = "[global]\nname = \"d\"\n# \xff\n";
    EXPECT_EQ(ask(Method::put, "/api/v1/config", root, text).status, 200);
    EXPECT_THAT(control.applied, ::testing::ElementsAre(text));
}

TEST_F(ApiTest, root_stops_the_director) {
    EXPECT_EQ(ask(Method::post, "/api/v1/stop").status, 200);
    EXPECT_EQ(control.stops, 1);
}

TEST_F(ApiTest, pages_together_hold_every_connection_once) {
    for (std::uint32_t i = 0; i < 5000; ++i)
        control.cells[1 + i * 190] =
            test::connection_from("192.0.2.7", static_cast<std::uint16_t>(i));
    std::vector<int> seen(5000);
    json next = 0;
    int pages = 0;
    while (!next.is_null() && ++pages < 10'000) {
        const auto page = get("/api/v1/connections?limit=300&from=" + next.dump());
        EXPECT_LE(page["connections"].size(), 300U);
        for (const auto& connection : page["connections"])
            ++seen[connection["client_port"].get<std::size_t>()];
        next = page["next"];
    }
    EXPECT_THAT(seen, Each(1));
}

TEST_F(ApiTest, a_full_table_comes_in_pages_of_the_limit) {
    control.table_size = 1024;
    for (std::uint32_t cell = 0; cell < 1024; ++cell)
        control.cells[cell] = test::connection_from("192.0.2.7", static_cast<std::uint16_t>(cell));
    const auto first = get("/api/v1/connections?limit=1000");
    EXPECT_EQ(first["connections"].size(), 1000U);
    const auto second = get("/api/v1/connections?limit=1000&from=" + first["next"].dump());
    EXPECT_EQ(second["connections"].size(), 24U);
    EXPECT_TRUE(second["next"].is_null());
}

TEST_F(ApiTest, one_request_looks_at_a_bounded_part_of_the_table) {
    control.table_size = 1U << 24;
    for (const auto* limit : {"1", "1000", "2048"}) {
        control.scans.clear();
        const auto page = get(std::string("/api/v1/connections?state=udp&limit=") + limit);
        EXPECT_FALSE(page["next"].is_null());
        EXPECT_LE(std::accumulate(control.scans.begin(), control.scans.end(), 0U), 16384U);
        EXPECT_THAT(control.scans.size(), Le(512U));
    }
}

TEST_F(ApiTest, filters_hold) {
    control.cells[1] = test::connection_from("192.0.2.7", 1);
    control.cells[2] = test::connection_from("192.0.2.8", 2);
    control.cells[3] = test::connection_from("192.0.2.8", 3);
    control.cells[3].protocol = model::Protocol::udp;
    control.cells[3].state = "UDP";
    EXPECT_EQ(get("/api/v1/connections")["connections"].size(), 3U);
    EXPECT_EQ(get("/api/v1/connections?client=192.0.2.8")["connections"].size(), 2U);
    EXPECT_EQ(get("/api/v1/connections?virtual=192.0.2.80:80&protocol=udp")["connections"].size(),
              1U);
    EXPECT_EQ(get("/api/v1/connections?virtual=192.0.2.81")["connections"].size(), 0U);
    EXPECT_EQ(control.filters.front().client, std::nullopt);
    EXPECT_EQ(ask(Method::get, "/api/v1/connections?colour=red").status, 400);
}

}  // namespace
}  // namespace shoal::api

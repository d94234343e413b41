#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "api/api.h"
#include "api/connection_query.h"
#include "api/fake_control.h"
#include "api/status_json.h"
#include "http/client.h"
#include "http/test_server.h"

// The API as callers meet it: over a real socket, as real users.

namespace shoal::api {
namespace {

using http::Method;

constexpr gid_t operators = 4242;
constexpr uid_t nobody = 65534;

class ApiServerTest : public ::testing::Test {
  protected:
    ApiServerTest() {
        control.current = test::example_status();
        // The file's mode already keeps strangers out; here the API must.
        std::filesystem::permissions(server.folder().path(), std::filesystem::perms::all);
        std::filesystem::permissions(server.path(), std::filesystem::perms::all);
    }

    int status_of(Method method, const std::string& target, const std::string& body = "") {
        auto client = http::Client::connect(server.path());
        if (!client) return -1;
        const auto response = client->send({.method = method, .target = target, .body = body});
        return response ? response->status : -2;
    }

    /// The status as a process of user nobody with these groups sees it, divided by 10 (an exit
    /// status is a byte).
    int status_for_nobody(const std::vector<gid_t>& groups, Method method,
                          const std::string& target, const std::string& body = "") {
        const pid_t child = ::fork();
        if (child == 0) {
            const bool dropped = ::setgroups(groups.size(), groups.data()) == 0 &&
                                 ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
            ::_exit(dropped ? status_of(method, target, body) / 10 : 99);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    test::FakeControl control;
    Api api{control, operators};
    http::test::RunningServer server{api};
};

TEST_F(ApiServerTest, root_may_everything) {
    EXPECT_EQ(status_of(Method::get, "/api/v1/status"), 200);
    EXPECT_EQ(status_of(Method::put, "/api/v1/config", "[global]"), 200);
    EXPECT_EQ(status_of(Method::post, "/api/v1/stop"), 200);
}

TEST_F(ApiServerTest, nobody_may_nothing) {
    ASSERT_EQ(::getuid(), 0U) << "only root can become another user";
    EXPECT_EQ(status_for_nobody({}, Method::get, "/api/v1/status"), 40);
    EXPECT_EQ(status_for_nobody({0}, Method::get, "/api/v1/version"), 40);
    EXPECT_EQ(status_for_nobody({}, Method::put, "/api/v1/config", "[global]"), 40);
    EXPECT_EQ(status_for_nobody({}, Method::post, "/api/v1/stop"), 40);
    EXPECT_TRUE(control.applied.empty());
}

TEST_F(ApiServerTest, a_member_of_the_group_may_read) {
    ASSERT_EQ(::getuid(), 0U) << "only root can become another user";
    EXPECT_EQ(status_for_nobody({1, operators}, Method::get, "/api/v1/status"), 20);
    EXPECT_EQ(status_for_nobody({operators}, Method::put, "/api/v1/config", "[global]"), 40);
    EXPECT_TRUE(control.applied.empty());
}

TEST_F(ApiServerTest, a_long_configuration_arrives_whole_and_a_longer_one_does_not) {
    const std::string longest(std::size_t{16} << 20, '#');
    EXPECT_EQ(status_of(Method::put, "/api/v1/config", longest), 200);
    EXPECT_EQ(control.applied.at(0), longest);
    EXPECT_EQ(status_of(Method::put, "/api/v1/config", longest + "#"), 413);
    EXPECT_EQ(control.applied.size(), 1U);
}

TEST_F(ApiServerTest, the_status_is_understood_at_the_other_end) {
    auto client = http::Client::connect(server.path());
    ASSERT_TRUE(client.has_value());
    const auto response = client->send({.method = Method::get, .target = "/api/v1/status"});
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->content_type, "application/json");
    const auto status = from_json<model::DirectorStatus>(response->body);
    ASSERT_TRUE(status.has_value()) << status.error().message;
    EXPECT_EQ(status->virtual_servers.at(0).name, "web");
}

class FullTableTest : public ::testing::Test {
  protected:
    static constexpr std::uint32_t million = 1'000'000;

    static std::string page_at(std::uint32_t cell) {
        return fmt::format("/api/v1/connections?limit={}&from={}", ConnectionQuery::highest_limit,
                           cell);
    }

    test::FullTable control{million};
    Api api{control, operators};
    http::test::RunningServer server{api};
};

TEST_F(FullTableTest, others_are_answered_while_somebody_asks_for_a_million_connections) {
    http::test::RawConnection greedy(server.path());
    std::string requests;
    for (std::uint32_t cell = 0; cell < million; cell += ConnectionQuery::highest_limit)
        requests += fmt::format("GET {} HTTP/1.1\r\n\r\n", page_at(cell));
    ASSERT_TRUE(greedy.send(requests));
    // Its answers begin to come, and it reads no more of them.
    ASSERT_THAT(greedy.receive_until("ESTABLISHED"), ::testing::HasSubstr("200 OK"));

    auto other = http::Client::connect(server.path());
    ASSERT_TRUE(other.has_value());
    const auto response = other->send({.method = Method::get, .target = "/api/v1/status"});
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_LT(control.given, million) << "the page after page still to come did not go before";
    EXPECT_LE(control.most_at_once, ConnectionQuery::highest_limit);
}

TEST_F(FullTableTest, pages_hold_a_million_connections_in_their_order) {
    auto client = http::Client::connect(server.path());
    ASSERT_TRUE(client.has_value());
    std::optional<std::uint32_t> from = 0;
    while (from) {
        const auto response = client->send({.method = Method::get, .target = page_at(*from)});
        ASSERT_TRUE(response.has_value()) << response.error().message;
        const std::string_view body = response->body;
        // The first of the page; to read all of them is the command's test.
        ASSERT_TRUE(body.substr(0, 300).contains(fmt::format("\"expires_in_ms\":{}}}", *from)));
        ASSERT_LT(body.size(), 1U << 20);
        const auto next = body.substr(body.rfind("\"next\":") + 7);
        from.reset();
        if (next != "null}") from = static_cast<std::uint32_t>(std::stoul(std::string(next)));
    }
    EXPECT_EQ(control.given, million);
}

}  // namespace
}  // namespace shoal::api

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "api/api.h"
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
    EXPECT_EQ(status_of(Method::get, "/v1/status"), 200);
    EXPECT_EQ(status_of(Method::put, "/v1/configuration", "[global]"), 200);
    EXPECT_EQ(status_of(Method::post, "/v1/stop"), 200);
}

TEST_F(ApiServerTest, nobody_may_nothing) {
    ASSERT_EQ(::getuid(), 0U) << "only root can become another user";
    EXPECT_EQ(status_for_nobody({}, Method::get, "/v1/status"), 40);
    EXPECT_EQ(status_for_nobody({0}, Method::get, "/v1/version"), 40);
    EXPECT_EQ(status_for_nobody({}, Method::put, "/v1/configuration", "[global]"), 40);
    EXPECT_EQ(status_for_nobody({}, Method::post, "/v1/stop"), 40);
    EXPECT_TRUE(control.applied.empty());
}

TEST_F(ApiServerTest, a_member_of_the_group_may_read) {
    ASSERT_EQ(::getuid(), 0U) << "only root can become another user";
    EXPECT_EQ(status_for_nobody({1, operators}, Method::get, "/v1/status"), 20);
    EXPECT_EQ(status_for_nobody({operators}, Method::put, "/v1/configuration", "[global]"), 40);
    EXPECT_TRUE(control.applied.empty());
}

TEST_F(ApiServerTest, a_long_configuration_arrives_whole_and_a_longer_one_does_not) {
    const std::string longest(std::size_t{16} << 20, '#');
    EXPECT_EQ(status_of(Method::put, "/v1/configuration", longest), 200);
    EXPECT_EQ(control.applied.at(0), longest);
    EXPECT_EQ(status_of(Method::put, "/v1/configuration", longest + "#"), 413);
    EXPECT_EQ(control.applied.size(), 1U);
}

TEST_F(ApiServerTest, the_status_is_understood_at_the_other_end) {
    auto client = http::Client::connect(server.path());
    ASSERT_TRUE(client.has_value());
    const auto response = client->send({.method = Method::get, .target = "/v1/status"});
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->content_type, "application/json");
    const auto status = from_json<model::DirectorStatus>(response->body);
    ASSERT_TRUE(status.has_value()) << status.error().message;
    EXPECT_EQ(status->virtual_servers.at(0).name, "web");
}

}  // namespace
}  // namespace shoal::api

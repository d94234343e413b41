#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shoal::http {
namespace {

using testing::ElementsAre;
using testing::Pair;

class RouterTest : public testing::Test {
  protected:
    RouterTest() {
        router.add(Method::get, "/v1/status", 1);
        router.add(Method::get, "/v1/virtual_servers/{virtual}/real_servers/{real}", 2);
        router.add(Method::put, "/v1/virtual_servers/{virtual}/real_servers/{real}", 3);
    }
    auto find(Method method, std::vector<std::string> path) const {
        return router.find({.method = method, .path = std::move(path)});
    }
    Router<int> router;
};

TEST_F(RouterTest, finds_by_method_and_path) {
    EXPECT_EQ(*find(Method::get, {"v1", "status"}).endpoint, 1);
    const auto match = find(Method::put, {"v1", "virtual_servers", "web", "real_servers", "a/b"});
    ASSERT_NE(match.endpoint, nullptr);
    EXPECT_EQ(*match.endpoint, 3);
    EXPECT_THAT(match.parameters, ElementsAre(Pair("real", "a/b"), Pair("virtual", "web")));
}

TEST_F(RouterTest, an_unknown_path_has_no_match) {
    for (const auto& path : {std::vector<std::string>{"v1"},
                             {"v1", "status", "more"},
                             {"v1", "Status"},
                             {"v2", "x"}}) {
        EXPECT_EQ(find(Method::get, path).endpoint, nullptr);
        EXPECT_EQ(find(Method::get, path).allowed, "");
    }
}

TEST_F(RouterTest, a_parameter_is_never_empty) {
    EXPECT_EQ(find(Method::get, {"v1", "virtual_servers", "", "real_servers", "a"}).endpoint,
              nullptr);
}

TEST_F(RouterTest, a_wrong_method_is_told_the_right_ones) {
    const auto match = find(Method::other, {"v1", "virtual_servers", "a", "real_servers", "b"});
    EXPECT_EQ(match.endpoint, nullptr);
    EXPECT_EQ(match.allowed, "GET, PUT");
}

}  // namespace
}  // namespace shoal::http

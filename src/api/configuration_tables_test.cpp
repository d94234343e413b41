#include "api/configuration_tables.h"

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
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string in_force = R"(# The director's own words.
[[mark]]
value = 80  # both
address = "192.0.2.80"
ports = [80, 443]

[[virtual_server]]
name = "web"   # the shop
firewall_mark = 80
address = "192.0.2.80/24"
device = "wan0:1"

[[virtual_server.real_server]]
name = "a/b"
address = "10.11.12.1"
weight = 2  # the large one

[[virtual_server]]
name = "mail"
address = "192.0.2.81/24"
device = "wan0:2"
port = 25
[[virtual_server.real_server]]
name = "mail-1"
address = "10.11.12.5"
)";

class InForce : public test::FakeControl {
  public:
    Result<config::Revision> revision(std::uint64_t /*number*/) override {
        return config::Revision{head, in_force};
    }
    config::RevisionHead head{.number = 7, .hash = std::string(64, 'a')};
};

class Tables : public ::testing::Test {
  protected:
    Tables() {
        control.known_revisions.heads = {control.head, {.number = 8, .hash = std::string(64, 'b')}};
    }
    http::HttpResponse ask(Method method, const std::string& target, const json& body = {},
                           const std::string& if_match = "") {
        const auto parsed = http::parse_target("/api/v1/" + target).value();
        return api.answer({.method = method,
                           .target = target,
                           .path = parsed.path,
                           .query = parsed.query,
                           .body = body.is_null() ? "" : body.dump(),
                           .peer = {.uid = 0},
                           .if_match = if_match});
    }
    json get(const std::string& target) {
        const auto response = ask(Method::get, target);
        EXPECT_EQ(response.status, 200) << response.body;
        return json::parse(response.body);
    }
    /// What was applied is what was in force, with `before` replaced.
    void expect_applied(const std::string& before, const std::string& after) {
        ASSERT_EQ(control.applied.size(), 1U);
        auto expected = in_force;
        expected.replace(expected.find(before), before.size(), after);
        EXPECT_EQ(control.applied[0], expected);
    }

    InForce control;
    Api api{control, {}};
};

TEST_F(Tables, are_read_with_the_etag_of_the_revision) {
    const auto all = get("virtual-servers")["virtual_server"];
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0]["scheduler"], "wlc") << "settings that are not written have their value";
    EXPECT_EQ(get("virtual-servers/mail")["port"], 25);
    EXPECT_EQ(get("virtual-servers/web/real-servers/a%2Fb")["weight"], 2);
    EXPECT_EQ(get("virtual-servers/mail/real-servers")["real_server"].size(), 1U);
    EXPECT_EQ(get("marks/80")["ports"], (json{80, 443}));
    EXPECT_EQ(get("marks")["mark"].size(), 1U);
    const auto response = ask(Method::get, "marks/80");
    EXPECT_THAT(response.headers, ElementsAre(::testing::Pair("ETag", "\"7-aaaaaaaaaaaaaaaa\"")));
}

TEST_F(Tables, that_do_not_exist_are_not_found) {
    for (const auto* target : {"virtual-servers/ftp", "virtual-servers/ftp/real-servers",
                               "virtual-servers/web/real-servers/mail-1", "marks/81"}) {
        EXPECT_EQ(ask(Method::get, target).status, 404) << target;
    }
    EXPECT_EQ(ask(Method::put, "marks/81", {{"value", 81}}).status, 404);
    EXPECT_EQ(ask(Method::delete_, "virtual-servers/ftp").status, 404);
    EXPECT_THAT(control.applied, IsEmpty());
}

TEST_F(Tables, a_changed_one_leaves_the_rest_of_the_text_as_it_was) {
    auto server = get("virtual-servers/web/real-servers/a%2Fb");
    server["weight"] = 5;
    const auto response = ask(
        Method::put, "virtual-servers/web/real-servers/a%2Fb?comment=larger&confirm=60s", server);
    EXPECT_EQ(response.status, 200) << response.body;
    expect_applied("weight = 2", "weight = 5");
    EXPECT_EQ(control.requests[0].comment, "larger");
    EXPECT_EQ(control.requests[0].confirm, Milliseconds(60'000));
    ASSERT_EQ(control.notes.size(), 1U) << "and stands in the audit log";
}

TEST_F(Tables, a_body_without_a_name_keeps_it_and_one_with_another_renames) {
    ASSERT_EQ(
        ask(Method::put, "marks/80", {{"address", "192.0.2.80"}, {"ports", {80, 8443}}}).status,
        200);
    expect_applied("443", "8443");
    control.applied.clear();
    auto mail = get("virtual-servers/mail");
    mail["name"] = "smtp";
    ASSERT_EQ(ask(Method::put, "virtual-servers/mail", mail).status, 200);
    expect_applied("name = \"mail\"\n", "name = \"smtp\"\n");
}

TEST_F(Tables, one_that_is_added_stands_behind_the_others) {
    ASSERT_EQ(ask(Method::post, "virtual-servers/mail/real-servers",
                  {{"name", "mail-2"}, {"address", "10.11.12.6"}})
                  .status,
              200);
    ASSERT_EQ(control.applied.size(), 1U);
    EXPECT_THAT(control.applied[0], ::testing::StartsWith(in_force));
    EXPECT_THAT(control.applied[0].substr(in_force.size()), HasSubstr("\"mail-2\""));
    const auto again = ask(Method::post, "virtual-servers", {{"name", "web"}});
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(json::parse(again.body)["type"], "/problems/exists");
}

TEST_F(Tables, one_that_is_removed_is_gone_with_its_real_servers) {
    ASSERT_EQ(ask(Method::delete_, "virtual-servers/mail").status, 200);
    ASSERT_EQ(control.applied.size(), 1U);
    EXPECT_EQ(control.applied[0].find("mail"), std::string::npos);
    EXPECT_THAT(control.applied[0], HasSubstr("# the large one"));
}

TEST_F(Tables, what_the_configuration_would_not_be_good_with_is_refused) {
    const auto refused = ask(Method::put, "virtual-servers/mail",
                             {{"address", "192.0.2.81/24"}, {"device", "wan0:2"}, {"prot", 25}});
    EXPECT_EQ(refused.status, 422);
    EXPECT_THAT(json::parse(refused.body)["problems"][0]["message"].get<std::string>(),
                HasSubstr("\"prot\""));
    EXPECT_EQ(ask(Method::put, "virtual-servers/mail", {1, 2}).status, 400);
    EXPECT_EQ(ask(Method::post, "marks", {{"value", json::object()}}).status, 422);
    EXPECT_THAT(control.applied, IsEmpty());
}

TEST_F(Tables, who_saw_another_revision_expects_that) {
    ask(Method::delete_, "virtual-servers/mail", {}, "\"8-bbbbbbbbbbbbbbbb\"");
    ASSERT_EQ(control.requests.size(), 1U);
    EXPECT_EQ(control.requests[0].expected, 8U);
    EXPECT_EQ(ask(Method::delete_, "marks/80", {}, "\"1-0\"").status, 412);
}

TEST_F(Tables, operators_only_look) {
    http::HttpRequest request{.method = Method::delete_,
                              .path = {"api", "v1", "virtual-servers", "mail"},
                              .peer = {.uid = 1000, .gid = 42}};
    Api operated{control, 42};
    EXPECT_EQ(operated.answer(request).status, 403);
    request.method = Method::get;
    EXPECT_EQ(operated.answer(request).status, 200);
}

}  // namespace
}  // namespace shoal::api

#include "api/check_now.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "api/api.h"
#include "api/fake_control.h"
#include "http/client.h"
#include "http/test_server.h"

namespace shoal::api {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(CheckNowJson, what_is_written_reads_the_same) {
    const auto line = parse_transcript_line(to_json({.at_us = 12, .text = "connected"}).dump());
    ASSERT_TRUE(line);
    EXPECT_EQ(line->at_us, 12);
    EXPECT_EQ(line->text, "connected");
    const health::CheckResult silence{.outcome = health::Outcome::silent,
                                      .reason = "no answer within 1 s",
                                      .latency_us = 1'000'017,
                                      .heard = {}};
    const auto end = parse_check_end(to_json(silence).dump());
    ASSERT_TRUE(end);
    EXPECT_EQ(end->outcome, "silent");
    EXPECT_EQ(end->reason, "no answer within 1 s");
    EXPECT_EQ(end->latency_us, 1'000'017);
    EXPECT_FALSE(parse_check_end(to_json({.at_us = 12, .text = "connected"}).dump()));
    EXPECT_FALSE(parse_transcript_line("[]"));
}

class CheckNowServer : public ::testing::Test {
  protected:
    test::FakeControl control;
    Api api{control, {}};
    http::test::RunningServer server{api};
};

TEST_F(CheckNowServer, a_check_comes_line_by_line_and_ends_with_its_result) {
    control.transcript->lines = {{.at_us = 0, .text = "connecting"},
                                 {.at_us = 9, .text = "connected"}};
    control.transcript->result = health::CheckResult{health::Outcome::answered, {}, 10};
    auto client = http::Client::connect(server.path());
    std::string text;
    const auto response = client->receive({.target = "/api/v1/check?virtual=my%20web&real=web-1"},
                                          [&](std::string_view piece) {
                                              text += piece;
                                              return true;
                                          });
    ASSERT_TRUE(response);
    EXPECT_THAT(control.checked, ::testing::ElementsAre(health::TargetId{"my web", "web-1"}));
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    ASSERT_THAT(lines, SizeIs(3));
    EXPECT_EQ(parse_transcript_line(lines[1])->text, "connected");
    EXPECT_EQ(parse_check_end(lines[2])->outcome, "answered");
}

TEST_F(CheckNowServer, mistakes_are_said) {
    auto client = http::Client::connect(server.path());
    EXPECT_EQ(client->send({.target = "/api/v1/check?virtual=web"})->status, 400);
    EXPECT_EQ(client->send({.target = "/api/v1/check?virtual=web&real=a&colour=red"})->status, 400);
    control.failure = "web-9 is not checked";
    const auto response = client->send({.target = "/api/v1/check?virtual=web&real=web-9"});
    EXPECT_EQ(response->status, 404);
    EXPECT_THAT(response->body, HasSubstr("web-9 is not checked"));
}

}  // namespace
}  // namespace shoal::api

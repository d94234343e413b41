#include "telemetry/event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace shoal::telemetry {
namespace {

using model::EventKind;

Event failure() {
    return {.kind = EventKind::real_server_down,
            .virtual_server = "web",
            .real_server = "web-1",
            .address = "10.11.12.1",
            .reason = "connection refused",
            .time_ms = 1'795'418'125'999,
            .director = "director-1"};
}

TEST(event, a_notification_without_filters_wants_everything) {
    EXPECT_TRUE(is_wanted({}, failure()));
}

TEST(event, a_notification_wants_its_events_of_its_virtual_servers) {
    model::Notification notification;
    notification.events = {EventKind::quorum_lost, EventKind::real_server_down};
    notification.virtual_servers = {"web", "mail"};
    EXPECT_TRUE(is_wanted(notification, failure()));
    notification.virtual_servers = {"mail"};
    EXPECT_FALSE(is_wanted(notification, failure()));
    notification.virtual_servers = {"web"};
    notification.events = {EventKind::real_server_up};
    EXPECT_FALSE(is_wanted(notification, failure()));
}

TEST(event, a_sentence_says_what_happened) {
    EXPECT_EQ(sentence_of(failure()), "real server web-1 of web is down: connection refused");
    EXPECT_EQ(sentence_of({.kind = EventKind::quorum_lost, .virtual_server = "web"}),
              "virtual server web has lost its quorum");
}

TEST(event, time_is_told_in_utc) {
    EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(utc_text(1'795'418'125'999), "2026-11-23T07:15:25Z");
}

TEST(event, a_command_finds_it_in_its_environment) {
    const std::map<std::string, std::string> wanted{
        {"SHOAL_EVENT", "real-server-down"},    {"SHOAL_VIRTUAL_SERVER", "web"},
        {"SHOAL_REAL_SERVER", "web-1"},         {"SHOAL_ADDRESS", "10.11.12.1"},
        {"SHOAL_REASON", "connection refused"}, {"SHOAL_TIME", "2026-11-23T07:15:25Z"},
        {"SHOAL_DIRECTOR", "director-1"},       {"SHOAL_COUNT", "1"}};
    EXPECT_EQ(environment_of(failure()), wanted);
}

TEST(event, the_json_holds_the_same_whatever_bytes_a_reason_quotes) {
    auto event = failure();
    event.reason = "said \"\xff\n\"";
    const auto json = nlohmann::json::parse(json_of(event));
    EXPECT_EQ(json["event"], "real-server-down");
    EXPECT_EQ(json["reason"], "said \"\xef\xbf\xbd\n\"");
    EXPECT_EQ(json["time"], "2026-11-23T07:15:25Z");
    EXPECT_EQ(json["count"], 1);
}

}  // namespace
}  // namespace shoal::telemetry

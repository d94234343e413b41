#include "api/sight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/api.h"
#include "api/fake_control.h"
#include "http/client.h"
#include "http/test_server.h"

namespace shoal::api {
namespace {

using ::testing::HasSubstr;

net::Address address(const char* text) {
    return net::Address::parse(text).value();
}

dataplane::TraceEvent example_event(std::uint32_t number) {
    dataplane::TraceEvent event;
    event.time_us = 1'800'000'000'000'000 + number;
    event.hook = "xdp";
    event.device = "wan0";
    event.protocol = "tcp";
    event.source = "192.0.2.7:40000";
    event.destination = "192.0.2.80:80";
    event.tcp_flags = "SYN";
    event.bytes = 60;
    event.verdict = "new_connection";
    event.virtual_server = "tcp 192.0.2.80:80";
    event.real_server = "10.11.12.1:80";
    event.sent_source = "192.0.2.7:40000";
    event.sent_destination = "10.11.12.1:80";
    return event;
}

TEST(TraceQueryTest, every_parameter_narrows_the_trace) {
    const auto query = TraceQuery::parse({{"client", "192.0.2.0/24"},
                                          {"virtual", "192.0.2.80:80"},
                                          {"real", "10.11.12.1"},
                                          {"protocol", "udp"},
                                          {"verdict", "denied"},
                                          {"count", "5"},
                                          {"seconds", "3"}});
    ASSERT_TRUE(query) << query.error().message;
    EXPECT_EQ(query->filter.client->to_string(), "192.0.2.0/24");
    EXPECT_EQ(query->filter.virtual_address, address("192.0.2.80"));
    EXPECT_EQ(query->filter.virtual_port, 80);
    EXPECT_EQ(query->filter.real_address, address("10.11.12.1"));
    EXPECT_EQ(query->filter.real_port, 0);
    EXPECT_EQ(query->filter.protocol, model::Protocol::udp);
    EXPECT_EQ(query->filter.verdict, "denied");
    EXPECT_EQ(query->count, 5U);
    EXPECT_EQ(query->seconds, 3U);
}

TEST(TraceQueryTest, a_minute_unless_told_otherwise) {
    EXPECT_EQ(TraceQuery::parse({})->seconds, 60U);
}

TEST(TraceQueryTest, mistakes_are_named) {
    for (const auto& [name, text] :
         std::multimap<std::string, std::string>{{"client", "192.0.2.0/33"},
                                                 {"client", "2001:db8::/129"},
                                                 {"virtual", "web"},
                                                 {"protocol", "icmp"},
                                                 {"count", "0"},
                                                 {"seconds", "3601"},
                                                 {"seconds", ""},
                                                 {"colour", "red"}}) {
        const auto query = TraceQuery::parse({{name, text}});
        ASSERT_FALSE(query) << name << " " << text;
        EXPECT_THAT(query.error().message, HasSubstr(name));
    }
}

TEST(PacketQuestionTest, a_packet_has_one_family) {
    EXPECT_TRUE(parse_question({{"client", "[2001:db8::7]:1"}, {"virtual", "[2001:db8::80]:80"}}));
    const auto mixed = parse_question({{"client", "192.0.2.7"}, {"virtual", "[2001:db8::80]:80"}});
    ASSERT_FALSE(mixed);
    EXPECT_THAT(mixed.error().message, HasSubstr("both be of IPv4 or both of IPv6"));
}

TEST(PacketQuestionTest, the_clients_port_may_be_left_out) {
    const auto with = parse_question({{"client", "192.0.2.7:40000"}, {"virtual", "192.0.2.80:80"}});
    ASSERT_TRUE(with);
    EXPECT_EQ(with->client_port, 40000);
    EXPECT_EQ(with->protocol, model::Protocol::tcp);
    const auto without = parse_question(
        {{"client", "192.0.2.7"}, {"virtual", "192.0.2.80:53"}, {"protocol", "udp"}});
    ASSERT_TRUE(without);
    EXPECT_FALSE(without->client_port);
    EXPECT_EQ(without->virtual_port, 53);
    EXPECT_FALSE(parse_question({{"client", "192.0.2.7"}, {"virtual", "192.0.2.80"}}));
    EXPECT_FALSE(parse_question({{"client", "192.0.2.7"}}));
}

TEST(SightJsonTest, what_is_written_reads_the_same) {
    const auto event = example_event(3);
    EXPECT_EQ(parse_event(to_json(event).dump()).value(), event);
    dataplane::Explanation explanation;
    explanation.steps = {{"scheduler", "rr"}, {"next hop", "10.11.12.1"}};
    explanation.verdict = "new_connection";
    explanation.candidates = {"10.11.12.1:80"};
    EXPECT_EQ(parse_explanation(to_json(explanation).dump()).value(), explanation);
    EXPECT_FALSE(parse_event("{}"));
    EXPECT_FALSE(parse_explanation("[1]"));
}

class SightServer : public ::testing::Test {
  protected:
    test::FakeControl control;
    Api api{control, {}};
    http::test::RunningServer server{api};

    std::vector<std::string> lines(const std::string& target) {
        auto client = http::Client::connect(server.path());
        std::string text;
        const auto response = client->receive({.target = target}, [&](std::string_view piece) {
            text += piece;
            return true;
        });
        EXPECT_TRUE(response);
        std::vector<std::string> result;
        std::istringstream stream(text);
        for (std::string line; std::getline(stream, line);)
            if (!line.empty()) result.push_back(line);
        return result;
    }
};

TEST_F(SightServer, a_trace_comes_line_by_line_and_ends_after_its_count) {
    for (std::uint32_t number = 0; number < 3; ++number)
        control.trace_page.events.push_back(example_event(number));
    const auto got = lines("/api/v1/trace?count=2&client=192.0.2.7");
    ASSERT_EQ(got.size(), 3U);
    EXPECT_EQ(parse_event(got[0]).value(), example_event(0));
    EXPECT_EQ(parse_event(got[1]).value(), example_event(1));
    EXPECT_THAT(got[2], HasSubstr("\"end\""));
    EXPECT_FALSE(control.tracing);
    EXPECT_EQ(control.trace_filters.at(0).client->to_string(), "192.0.2.7/32");
}

TEST_F(SightServer, a_trace_ends_when_its_time_is_over_and_says_what_it_left_out) {
    control.trace_page.left_out = 12;
    const auto got = lines("/api/v1/trace?seconds=1");
    ASSERT_EQ(got.size(), 2U);
    EXPECT_THAT(got[0], HasSubstr("12"));
    EXPECT_THAT(got[1], HasSubstr("\"end\""));
    EXPECT_FALSE(control.tracing);
}

TEST_F(SightServer, a_second_trace_is_refused) {
    control.tracing = true;
    auto client = http::Client::connect(server.path());
    const auto response = client->receive({.target = "/api/v1/trace"}, [](auto) { return true; });
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 409);
    EXPECT_THAT(response->body, HasSubstr("somebody else"));
}

TEST_F(SightServer, an_explanation_is_asked_for_by_two_ends) {
    control.explanation.verdict = "denied";
    auto client = http::Client::connect(server.path());
    const auto response = client->send(
        {.target = "/api/v1/explain?client=192.0.2.7:40000&virtual=192.0.2.80:53&protocol=udp"});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(parse_explanation(response->body).value().verdict, "denied");
    EXPECT_EQ(control.questions.at(0).protocol, model::Protocol::udp);
    EXPECT_EQ(client->send({.target = "/api/v1/explain?client=x"})->status, 400);
}

}  // namespace
}  // namespace shoal::api

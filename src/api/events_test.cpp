#include "api/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>
#include <nlohmann/json.hpp>

#include "api/api.h"
#include "api/fake_control.h"
#include "http/client.h"
#include "http/test_server.h"

namespace shoal::api {
namespace {

using http::test::RawConnection;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

telemetry::Event down(std::string virtual_server, std::string reason = "connection refused") {
    return {.virtual_server = std::move(virtual_server),
            .real_server = "web-1",
            .reason = std::move(reason)};
}

class EventsTest : public ::testing::Test {
  protected:
    http::HttpResponse ask(Parameters query, std::string accept = "",
                           std::string last_event_id = "") {
        return get_events(control, {.query = std::move(query),
                                    .accept = std::move(accept),
                                    .last_event_id = std::move(last_event_id)});
    }
    http::HttpResponse stream(Parameters query = {}, std::string last_event_id = "") {
        return ask(std::move(query), "text/event-stream", std::move(last_event_id));
    }

    test::FakeControl control;
};

TEST_F(EventsTest, the_list_has_all_that_is_kept) {
    EXPECT_EQ(ask({}).body, R"({"newest":"5-0","lost":null,"events":[]})");
    control.event_log.add(down("web"));
    control.event_log.add(down("mail"));
    auto list = json::parse(ask({}).body);
    EXPECT_EQ(list["newest"], "5-2");
    EXPECT_EQ(list["events"].size(), 2U);
    list = json::parse(ask({{"after", "5-1"}}).body);
    EXPECT_EQ(list["events"].size(), 1U);
    EXPECT_EQ(list["events"][0]["virtual_server"], "mail");
    list = json::parse(ask({{"virtual", "web"}, {"kind", "quorum-lost,real-server-down"}}).body);
    EXPECT_EQ(list["events"].size(), 1U);
    list = json::parse(ask({{"after", "4-9"}}).body);
    EXPECT_EQ(list["lost"]["missed"], nullptr);
    EXPECT_EQ(list["events"].size(), 2U);
}

TEST_F(EventsTest, what_is_asked_wrongly_is_refused) {
    for (const Parameters& wrong : std::vector<Parameters>{
             {{"kind", "fire"}}, {{"kind", ""}}, {{"after", "x"}}, {{"colour", "blue"}}})
        EXPECT_EQ(ask(wrong).status, 400);
    EXPECT_EQ(stream({}, "soon").status, 400);
}

TEST_F(EventsTest, a_stream_begins_with_its_place_and_tells_what_happens) {
    control.event_log.add(down("web"));
    const auto response = stream();
    EXPECT_EQ(response.content_type, "text/event-stream");
    EXPECT_EQ(response.stream(), "id: 5-1\nevent: begin\ndata: {\"newest\":\"5-1\"}\n\n");
    EXPECT_EQ(response.stream(), "");
    control.event_log.add(down("web"));
    EXPECT_THAT(*response.stream(),
                StartsWith("id: 5-2\nevent: real-server-down\ndata: {\"id\":\"5-2\","));
    EXPECT_EQ(response.stream(), "");
}

TEST_F(EventsTest, a_stream_goes_on_after_the_last_event_that_was_seen) {
    for (int i = 0; i < 4; ++i)
        control.event_log.add(down("web"));
    for (const auto& response :
         {stream({}, "5-2"), stream({{"after", "5-2"}}), stream({{"after", "5-1"}}, "5-2")}) {
        const auto text = *response.stream();
        EXPECT_THAT(text, StartsWith("id: 5-2\nevent: begin\n"));
        EXPECT_THAT(text, Not(HasSubstr("event: lost")));
        EXPECT_THAT(text, HasSubstr("id: 5-3\nevent: real-server-down"));
        EXPECT_THAT(text, HasSubstr("id: 5-4\nevent: real-server-down"));
    }
    EXPECT_THAT(*stream({{"after", "0"}}).stream(), HasSubstr("id: 5-1\nevent: real"));
}

TEST_F(EventsTest, a_stream_that_comes_back_too_late_is_told_so) {
    for (int i = 0; i < 150; ++i)
        control.event_log.add(down("web"));
    const auto response = stream({}, "5-10");
    const auto text = *response.stream();
    EXPECT_THAT(text, HasSubstr("id: 5-50\nevent: lost\ndata: {\"after\":\"5-10\",\"missed\":40,"));
    EXPECT_THAT(text, HasSubstr("id: 5-51\nevent: real-server-down"));
    EXPECT_THAT(*stream({}, "4-10").stream(), HasSubstr("\"missed\":null"));
}

TEST_F(EventsTest, there_is_room_for_so_many) {
    std::list<http::HttpResponse> streams;
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(streams.emplace_back(stream()).status, 200);
    EXPECT_EQ(stream().status, 503);
    streams.pop_back();
    EXPECT_EQ(stream().status, 200);
}

/// Over a real socket.
class EventServerTest : public ::testing::Test {
  protected:
    /// As somebody else on shoald's loop.
    void happen(const std::string& reason = "connection refused") {
        server.on_loop([this, reason] { control.event_log.add(down("web", reason)); });
    }
    static std::string request(const std::string& more = "") {
        return "GET /api/v1/events HTTP/1.1\r\nAccept: text/event-stream\r\n" + more + "\r\n";
    }

    test::FakeControl control;
    Api api{control, 4242};
    // Time limits of slow clients that must not end a quiet stream.
    http::test::RunningServer server{api,
                                     {.header_timeout = Milliseconds(500),
                                      .body_timeout = Milliseconds(500),
                                      .write_timeout = Milliseconds(500)}};
};

TEST_F(EventServerTest, a_quiet_stream_goes_on_for_longer_than_any_time_limit) {
    RawConnection connection(server.path());
    connection.send(request());
    EXPECT_THAT(connection.receive_until("event: begin"), HasSubstr("text/event-stream"));
    std::this_thread::sleep_for(Milliseconds(1'500));
    happen();
    EXPECT_THAT(connection.receive_until("event: real-server-down"), HasSubstr("id: 5-1\n"));
}

TEST_F(EventServerTest, a_stream_that_was_cut_is_resumed_without_a_gap) {
    std::string received;
    std::string last = "5-0";
    int events = 0;
    for (int cut = 0; cut < 10; ++cut) {
        RawConnection connection(server.path());
        connection.send(request("Last-Event-ID: " + last + "\r\n"));
        happen();
        happen();
        const auto wanted = "id: 5-" + std::to_string(events += 2) + "\nevent: real-server-down";
        EXPECT_THAT(connection.receive_until(wanted), HasSubstr(wanted));
        last = "5-" + std::to_string(events);
        happen();
        ++events;
    }
    RawConnection connection(server.path());
    connection.send(request("Last-Event-ID: 5-0\r\n"));
    const auto all = connection.receive_until("id: 5-30\nevent: real-server-down");
    for (int number = 1; number <= 30; ++number)
        EXPECT_THAT(all, HasSubstr("id: 5-" + std::to_string(number) + "\nevent: real"));
}

TEST_F(EventServerTest, who_does_not_read_is_cut_off_and_delays_nobody) {
    RawConnection lazy(server.path());
    lazy.send(request());
    lazy.receive_until("event: begin");
    RawConnection reader(server.path());
    reader.send(request());
    reader.receive_until("event: begin");
    // More than the socket's buffers take.
    const std::string reason(2'000, 'x');
    int number = 0;
    while (lazy.send("x") && number < 100'000) {
        happen(reason);
        const auto wanted = "id: 5-" + std::to_string(++number) + "\nevent: real-server-down";
        ASSERT_THAT(reader.receive_until(wanted), HasSubstr(wanted));
    }
    EXPECT_LT(number, 100'000);
    EXPECT_THAT(lazy.receive_all(), Not(HasSubstr("id: 5-" + std::to_string(number) + "\n")));
}

class ManyStreamsTest : public ::testing::Test {
  protected:
    struct Crowd : test::FakeControl {
        telemetry::EventLog& events() override { return log; }
        telemetry::EventLog log{5};
    };
    Crowd control;
    Api api{control, 4242};
    http::test::RunningServer server{api};
};

TEST_F(ManyStreamsTest, two_hundred_streams_are_all_told) {
    std::list<RawConnection> connections;
    for (int i = 0; i < 200; ++i) {
        auto& connection = connections.emplace_back(server.path());
        connection.send("GET /api/v1/events HTTP/1.1\r\nAccept: text/event-stream\r\n\r\n");
        ASSERT_THAT(connection.receive_until("event: begin"), HasSubstr("200 OK"));
    }
    server.on_loop([this] { control.log.add(down("web")); });
    for (auto& connection : connections)
        EXPECT_THAT(connection.receive_until("event: real-server-down"), HasSubstr("id: 5-1\n"));
}

}  // namespace
}  // namespace shoal::api

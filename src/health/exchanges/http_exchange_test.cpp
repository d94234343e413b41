#include <fmt/format.h>

#include "health/exchanges/testing.h"

namespace shoal::health {
namespace {

using model::MonitorType;

Question http(std::string pattern = {}) {
    auto what = question(MonitorType::http);
    what.monitor.expect_pattern = std::move(pattern);
    return what;
}

/// The answer whole and byte by byte, then the end: both must come to the same.
CheckResult answer_to(const Question& question, std::string_view answer) {
    const auto whole = Talk(question).hears(answer).hears_the_end().result();
    const auto slow = Talk(question).hears_bytewise(answer).hears_the_end().result();
    EXPECT_EQ(whole.outcome, slow.outcome) << slow.reason;
    return whole;
}

TEST(HttpExchange, asks_as_http_1_1_does) {
    auto what = http();
    what.monitor.path = "/health?full";
    EXPECT_EQ(Talk(what).said(),
              "GET /health?full HTTP/1.1\r\nHost: 192.0.2.1:8080\r\nUser-Agent: Shoal\r\n"
              "Accept: */*\r\nConnection: close\r\n\r\n");
    what.monitor.host = "www.example.com";
    what.monitor.method = "POST";
    EXPECT_EQ(Talk(what).said(),
              "POST /health?full HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Shoal\r\n"
              "Accept: */*\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST(HttpExchange, names_the_port_where_it_is_not_the_usual_one) {
    auto what = question(MonitorType::https);
    what.address = net::Address::parse("2001:db8::1").value();
    what.port = 443;
    EXPECT_THAT(Talk(what).said(), testing::HasSubstr("Host: [2001:db8::1]\r\n"));
    what.port = 80;
    EXPECT_THAT(Talk(what).said(), testing::HasSubstr("Host: [2001:db8::1]:80\r\n"));
}

TEST(HttpExchange, the_head_is_enough_without_a_pattern) {
    Talk talk(http());
    EXPECT_TRUE(talk.hears("HTTP/1.1 200 OK\r\nServer: x\r\n").waits());
    EXPECT_THAT(talk.hears("\r\n").result(), is_answered());
    EXPECT_THAT(answer_to(http(), "HTTP/1.0 301\nLocation: /\n\n"), is_answered());
}

TEST(HttpExchange, another_status_fails_at_once) {
    EXPECT_THAT(Talk(http()).hears("HTTP/1.1 503 Service \"Un\"\r\n").result(),
                is_failed(R"(answered 503 "Service \"Un\"" instead of 200-399)"));
    auto teapot = http();
    teapot.monitor.status = {{418, 418}, {500, 599}};
    EXPECT_THAT(answer_to(teapot, "HTTP/1.1 418 no\r\n\r\n"), is_answered());
    EXPECT_THAT(answer_to(teapot, "HTTP/1.1 204\r\n\r\n"),
                is_failed("answered 204 instead of 418, 500-599"));
}

TEST(HttpExchange, an_announcement_is_not_the_answer) {
    EXPECT_THAT(answer_to(http(),
                          "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                          "HTTP/1.1 500 no\r\n\r\n"),
                is_failed(R"(answered 500 "no" instead of 200-399)"));
    EXPECT_TRUE(Talk(http()).hears("HTTP/1.1 100 Continue\r\n\r\n").waits());
    EXPECT_THAT(answer_to(http(), "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
                is_failed(R"(answered 101 "Switching Protocols" instead of 200-399)"));
}

TEST(HttpExchange, something_else_than_http_fails) {
    EXPECT_THAT(Talk(http()).hears("SSH-2.0-OpenSSH_9.2\r\n").result(),
                is_failed(R"(not HTTP: answered "SSH-2.0-OpenSSH_9.2\r\n")"));
    EXPECT_THAT(Talk(http()).hears_bytewise("HX").result(),
                is_failed(R"(not HTTP: answered "HX")"));
    for (const auto* line : {"HTTP/1.1 20\r\n", "HTTP/1.1 2000\r\n", "HTTP/1.1  200\r\n",
                             "HTTP/1.1 2x0 OK\r\n", "HTTP/1.x 200 OK\r\n", "HTTP/1.1\r\n"})
        EXPECT_EQ(answer_to(http(), line).outcome, Outcome::failed) << line;
}

TEST(HttpExchange, an_end_before_the_head_is_over_fails) {
    EXPECT_THAT(Talk(http()).hears_the_end().result(), is_failed("closed before answering"));
    EXPECT_THAT(answer_to(http(), "HTTP/1.1 200 OK\r\n"),
                is_failed(R"(closed in the middle of its answer, "HTTP/1.1 200 OK\r\n")"));
}

TEST(HttpExchange, the_body_must_match) {
    constexpr auto answer = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}";
    const auto with = [&](std::string_view body) {
        return fmt::format(fmt::runtime(answer), body.size(), body);
    };
    EXPECT_THAT(answer_to(http("status.*up"), with("{\"status\": \"up\"}")), is_answered());
    EXPECT_THAT(Talk(http("up$")).hears(with("down")).result(),
                is_failed(R"(answered 200, but with "down", which "up$" does not match)"));
    EXPECT_THAT(Talk(http("200 OK")).hears(with("")).result(),
                is_failed(R"(answered 200, but with "", which "200 OK" does not match)"));
}

TEST(HttpExchange, a_body_without_a_length_ends_with_the_connection) {
    constexpr auto answer = "HTTP/1.0 200 OK\r\n\r\nall is w";
    EXPECT_TRUE(Talk(http("well")).hears(answer).waits());
    EXPECT_THAT(Talk(http("well")).hears(answer).hears("ell").result(), is_answered());
    EXPECT_THAT(answer_to(http("well"), answer),
                is_failed(R"(answered 200, but with "all is w", which "well" does not match)"));
}

TEST(HttpExchange, a_body_that_is_cut_short_fails) {
    EXPECT_EQ(answer_to(http("well"), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall").outcome,
              Outcome::failed);
}

TEST(HttpExchange, chunks_are_put_together) {
    constexpr std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n";
    const auto chunks = std::string(head) + "5;name=value\r\nall i\r\n006\r\ns well\r\n0\r\n";
    EXPECT_THAT(answer_to(http("^all is well$"), chunks + "A: b\r\n\r\n"), is_answered());
    EXPECT_THAT(
        answer_to(http("^all is bad$"), chunks + "\r\n"),
        is_failed(R"(answered 200, but with "all is well", which "^all is bad$" does not match)"));
    EXPECT_THAT(answer_to(http("x"), std::string(head) + "5\r\nall is\r\n"),
                is_failed("a chunk of its answer is longer than it says: answered "
                          "\"HTTP/1.1 200 OK\\r\\nTransfer-Encodi...\""));
    for (const auto* size : {"", "-1", "x", "11111111111111111", "5 5"}) {
        EXPECT_THAT(
            answer_to(http("x"), fmt::format("{}{}\r\nabc\r\n", head, size)),
            testing::Field(&CheckResult::reason, testing::HasSubstr("the length of a chunk")))
            << size;
    }
}

TEST(HttpExchange, what_has_no_body_is_complete_with_its_head) {
    auto head = http("x");
    head.monitor.method = "HEAD";
    constexpr auto answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    EXPECT_EQ(Talk(head).hears(answer).result().outcome, Outcome::failed);
    EXPECT_EQ(Talk(http("x")).hears("HTTP/1.1 204 None\r\n\r\n").result().outcome, Outcome::failed);
}

TEST(HttpExchange, an_endless_answer_ends) {
    const std::string much(10'000, 'a');
    Talk body(http("b"));
    body.hears("HTTP/1.1 200 OK\r\n\r\n");
    Talk chunks(http("b"));
    chunks.hears("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    Talk line(http());
    line.hears("HTTP/1.1 200 OK\r\nX: ");
    Talk head(http());
    head.hears("HTTP/1.1 200 OK\r\n");
    Talk announcements(http());
    for (int i = 0; i < 20; ++i) {
        body.hears(much);
        chunks.hears("2710\r\n" + much + "\r\n");
        line.hears(much);
        head.hears("X: " + much + "\r\n");
        announcements.hears("HTTP/1.1 100 Continue\r\nX: " + much + "\r\n\r\n");
    }
    for (const auto* talk : {&body, &chunks, &line, &head, &announcements})
        EXPECT_EQ(talk->result().outcome, Outcome::failed) << talk->result().reason;
    EXPECT_THAT(line.result().reason, testing::StartsWith("a line of its answer has no end"));
    EXPECT_THAT(head.result().reason, testing::StartsWith("the head of its answer has no end"));
}

}  // namespace
}  // namespace shoal::health

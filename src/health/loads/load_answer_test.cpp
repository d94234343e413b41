#include "health/loads/load_answer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace shoal::health {
namespace {

std::string why(const Result<double>& load) {
    return load ? "no error, but " + std::to_string(*load) : load.error().message;
}

TEST(LoadAnswer, reads_a_plain_number) {
    EXPECT_EQ(*read_load_text("0.35\n", ""), 0.35);
    EXPECT_EQ(*read_load_text("  12 ", ""), 12);
    EXPECT_EQ(why(read_load_text("0.35 0.2", "")), "\"0.35 0.2\" is no number");
    EXPECT_EQ(why(read_load_text("", "")), "\"\" is no number");
}

TEST(LoadAnswer, reports_loads_that_cannot_be) {
    for (const auto* text : {"-1", "nan", "inf", "10001", "1e300"})
        EXPECT_TRUE(why(read_load_text(text, "")).ends_with(" cannot be a load")) << text;
    EXPECT_EQ(why(read_load_text("1e999", "")), "\"1e999\" is no number");
    EXPECT_FALSE(plausible_load(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_TRUE(plausible_load(0));
    EXPECT_TRUE(plausible_load(greatest_load));
}

TEST(LoadAnswer, follows_a_json_pointer) {
    const std::string json = R"({"load": {"one/min": [0.5, "1.25"], "~": 3}, "": 4})";
    EXPECT_EQ(*read_load_text(json, "/load/one~1min/0"), 0.5);
    EXPECT_EQ(*read_load_text(json, "/load/one~1min/1"), 1.25);
    EXPECT_EQ(*read_load_text(json, "/load/~0"), 3);
    EXPECT_EQ(*read_load_text(json, "/"), 4);
}

TEST(LoadAnswer, says_what_json_lacks) {
    EXPECT_EQ(why(read_load_text("{", "/load")), "the answer is no JSON");
    EXPECT_EQ(why(read_load_text("[1]", "/1")), "nothing stands at /1");
    EXPECT_EQ(why(read_load_text("[1]", "/x")), "nothing stands at /x");
    EXPECT_EQ(why(read_load_text("7", "/x/y")), "nothing stands at /x/y");
    EXPECT_EQ(why(read_load_text(R"({"load": null})", "/load")),
              "what stands at /load is no number");
    EXPECT_FALSE(read_load_text(std::string(100'000, '['), "/load"));
}

TEST(LoadAnswer, finds_a_metric) {
    const std::string text =
        "# HELP node_load1 1m load average.\n"
        "# TYPE node_load1 gauge\n"
        "node_load15 0.11\n"
        "node_load1 0.62 1395066363000\n"
        "queue{name=\"a}\\\"b\"} 7\n"
        "queue{name=\"c\"} 8\n";
    EXPECT_EQ(*read_load_text(text, "node_load1"), 0.62);
    EXPECT_EQ(*read_load_text(text, "queue"), 7);
    EXPECT_EQ(*read_load_text(text, "queue{name=\"c\"}"), 8);
    EXPECT_EQ(why(read_load_text(text, "node_load5")), "the answer has no node_load5");
    EXPECT_EQ(why(read_load_text("queue{name=\"a", "queue")), "the answer has no queue");
    EXPECT_EQ(why(read_load_text("queue NaN", "queue")), "nan cannot be a load");
}

TEST(LoadAnswer, parts_the_body_from_the_head) {
    EXPECT_EQ(*http_body("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n0.5\n"), "0.5\n");
    EXPECT_EQ(*http_body("HTTP/1.0 200 OK\r\nCONTENT-length: 3\r\n\r\n0.5, and more"), "0.5");
    EXPECT_EQ(*http_body("HTTP/1.0 200\r\n\r\n"), "");
}

TEST(LoadAnswer, says_what_is_wrong_with_an_answer_of_http) {
    const auto wrong = [](std::string_view answer) { return http_body(answer).error().message; };
    EXPECT_EQ(wrong("0.5\n"), "\"0.5\\n\" is no answer of HTTP");
    EXPECT_EQ(wrong("HTTP/1.1 404 Not Found\r\n\r\n"), "status \"404\"");
    EXPECT_EQ(wrong("HTTP/1.1 200 OK\r\nServer: x\r\n"), "the answer ends within its head");
    EXPECT_EQ(wrong("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n0.5"),
              "the answer ends within its body");
    EXPECT_EQ(wrong("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n0.5\r\n0\r\n\r\n"),
              "the answer comes in chunks, which a request of HTTP/1.0 does not allow");
}

TEST(LoadAnswer, knows_when_all_of_an_answer_came) {
    EXPECT_FALSE(is_whole_http("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n"));
    EXPECT_FALSE(is_whole_http("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n0."));
    EXPECT_TRUE(is_whole_http("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n0.5"));
    EXPECT_FALSE(is_whole_http("HTTP/1.1 200 OK\r\n\r\n0.5"));
    EXPECT_FALSE(is_whole_http("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n0.5"));
}

}  // namespace
}  // namespace shoal::health

#include "health/exchanges/testing.h"

namespace shoal::health {
namespace {

using model::MonitorType;
using model::Protocol;

Question text(std::string send, std::string expect, Protocol protocol = Protocol::tcp) {
    auto what = question(MonitorType::text, protocol);
    what.monitor.send = std::move(send);
    what.monitor.expect = std::move(expect);
    return what;
}

Question pattern(std::string pattern, Protocol protocol = Protocol::tcp) {
    auto what = question(MonitorType::text, protocol);
    what.monitor.send = "?";
    what.monitor.expect_pattern = std::move(pattern);
    return what;
}

TEST(TextExchange, an_open_port_is_enough_where_nothing_is_expected) {
    Talk talk(text("QUIT\r\n", ""));
    EXPECT_THAT(talk.result(), is_answered());
    EXPECT_EQ(talk.said(), "QUIT\r\n");
}

TEST(TextExchange, the_answer_may_come_in_any_pieces) {
    EXPECT_THAT(Talk(text("", "220 ready")).hears("220 ready\r\n").result(), is_answered());
    Talk slow(text("", "220 ready"));
    EXPECT_TRUE(slow.hears_bytewise("220 read").waits());
    EXPECT_EQ(slow.exchange().heard(), "220 read");
    EXPECT_THAT(slow.hears("y").result(), is_answered());
}

TEST(TextExchange, a_wrong_answer_fails_at_its_first_wrong_byte) {
    EXPECT_THAT(Talk(text("x", "HTTP")).hears("HTTX/1.0").result(),
                is_failed(R"(answered "HTTX/1.0" instead of "HTTP")"));
    EXPECT_THAT(Talk(text("x", "HTTP")).hears_bytewise("HX").result(),
                is_failed(R"(answered "HX" instead of "HTTP")"));
}

TEST(TextExchange, a_closed_connection_is_a_wrong_answer) {
    EXPECT_THAT(Talk(text("x", "HTTP")).hears_the_end().result(),
                is_failed("closed before answering"));
    EXPECT_THAT(Talk(text("x", "HTTP")).hears("HT").hears_the_end().result(),
                is_failed(R"(closed after answering "HT" instead of "HTTP")"));
    EXPECT_THAT(Talk(pattern("a+b")).hears("aa").hears_the_end().result(),
                is_failed(R"(closed after answering "aa", which "a+b" does not match)"));
}

TEST(TextExchange, a_pattern_matches_anywhere_in_the_answer) {
    EXPECT_THAT(Talk(pattern("a+b")).hears_bytewise("xxaaabxx").result(), is_answered());
    EXPECT_TRUE(Talk(pattern("^b")).hears("ab").waits());
}

TEST(TextExchange, an_endless_answer_without_a_match_ends) {
    Talk talk(pattern("a+b"));
    for (int i = 0; i < 100 && talk.waits(); ++i)
        talk.hears(std::string(1000, 'a'));
    EXPECT_THAT(talk.result(), is_failed("answered \"" + std::string(32, 'a') +
                                         "...\", which \"a+b\" does not match"));
}

TEST(TextExchange, endless_tiny_pieces_end_too) {
    Talk talk(pattern("a+b"));
    for (int i = 0; i < 10'000 && talk.waits(); ++i)
        talk.hears("a");
    EXPECT_THAT(talk.result(),
                is_failed("its answer comes in too many small pieces to be searched"));
}

TEST(TextExchange, each_datagram_is_an_answer_of_its_own) {
    EXPECT_THAT(Talk(text("ping", "pong", Protocol::udp)).hears("pong 1").result(), is_answered());
    EXPECT_THAT(Talk(text("ping", "", Protocol::udp)).hears("").result(), is_answered());
    EXPECT_THAT(Talk(text("ping", "pong 1 and", Protocol::udp)).hears("pong 1").result(),
                is_failed(R"(answered "pong 1" instead of "pong 1 and")"));
    EXPECT_THAT(Talk(pattern("[0-9]", Protocol::udp)).hears("pong 1").result(), is_answered());
    EXPECT_THAT(Talk(pattern("[2-9]", Protocol::udp)).hears("pong 1").result(),
                is_failed(R"(answered "pong 1", which "[2-9]" does not match)"));
}

TEST(TextExchange, a_bad_pattern_blames_no_server) {
    const auto result = Talk(pattern("(")).result();
    EXPECT_EQ(result.outcome, Outcome::not_asked);
    EXPECT_EQ(result.reason, R"(the director cannot check: bad pattern "(")");
}

TEST(MakeExchange, there_is_none_for_what_is_no_exchange) {
    for (const auto type :
         {MonitorType::none, MonitorType::program, MonitorType::tls, MonitorType::icmp})
        EXPECT_EQ(make_exchange(question(type)), nullptr);
}

}  // namespace
}  // namespace shoal::health

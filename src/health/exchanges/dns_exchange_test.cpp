#include <fmt/format.h>

#include "health/exchanges/dns_message.h"
#include "health/exchanges/testing.h"
#include "model/choices.h"

namespace shoal::health {
namespace {

using model::DnsType;
using model::MonitorType;
using model::Protocol;
using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

Question dns(DnsType type, std::string answer = {}, Protocol protocol = Protocol::udp) {
    auto what = question(MonitorType::dns, protocol);
    what.monitor.query_name = "www.example.com";
    what.monitor.query_type = type;
    what.monitor.answer = std::move(answer);
    return what;
}

/// IANA's numbers of the types, in the order of DnsType.
constexpr std::array<unsigned char, 9> numbers{1, 28, 5, 15, 2, 12, 6, 33, 16};

/// In answer to `query`: its number and its question, which begins at byte 12 with the name.
std::string answer_to(const std::string& query, std::string_view flags, int records,
                      std::string_view rest) {
    auto answer = query;
    answer.replace(2, 2, flags);
    answer[7] = static_cast<char>(records);
    return answer + std::string(rest);
}
constexpr auto good = "\x81\x80"sv;

/// A record of the question's name.
std::string record(DnsType type, std::string_view data) {
    const auto number = static_cast<char>(numbers.at(static_cast<std::size_t>(type)));
    return "\xc0\x0c"s.append(1, '\0')
        .append(1, number)
        .append("\0\1\0\0\1\x2c"sv)
        .append(1, '\0')
        .append(1, static_cast<char>(data.size()))
        .append(data);
}

/// What is said of an answer with one record of that type.
CheckResult judge(DnsType type, std::string_view data, std::string wanted = {}) {
    Talk talk(dns(type, std::move(wanted)));
    return talk.hears(answer_to(talk.said(), good, 1, record(type, data))).result();
}

TEST(DnsExchange, asks_one_question) {
    Talk talk(dns(DnsType::aaaa));
    const auto query = talk.said();
    EXPECT_EQ(query.substr(2), "\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\x1c\0\1"sv);
    EXPECT_NE(query.substr(0, 2) + Talk(dns(DnsType::aaaa)).said().substr(0, 2),
              std::string(4, query[0]));
}

TEST(DnsExchange, over_tcp_a_length_goes_before) {
    Talk talk(dns(DnsType::a, "", Protocol::tcp));
    const auto query = talk.said();
    EXPECT_EQ(query.substr(0, 2), std::string("\0\x21"sv));
    const auto answer = answer_to(query.substr(2), good, 1, record(DnsType::a, "\xc0\0\2\1"sv));
    const auto length = std::string("\0"sv) + static_cast<char>(answer.size());
    EXPECT_TRUE(talk.hears_bytewise(length + answer.substr(0, answer.size() - 1)).waits());
    EXPECT_THAT(talk.hears(answer.substr(answer.size() - 1)).result(), is_answered());
    EXPECT_THAT(Talk(dns(DnsType::a, "", Protocol::tcp)).hears("x").hears_the_end().result(),
                is_failed(R"(closed after answering "x")"));
}

TEST(DnsExchange, any_record_is_right_where_none_is_wanted) {
    EXPECT_THAT(judge(DnsType::a, "\xc0\0\2\1"sv), is_answered());
    Talk none(dns(DnsType::mx));
    EXPECT_THAT(none.hears(answer_to(none.said(), good, 0, "")).result(),
                is_failed("answered without any MX record"));
}

TEST(DnsExchange, the_root_need_not_have_any) {
    auto what = dns(DnsType::a);
    what.monitor.query_name = "";
    Talk root(what);
    EXPECT_THAT(root.hears(answer_to(root.said(), good, 0, "")).result(), is_answered());
}

TEST(DnsExchange, records_are_compared_as_dig_writes_them) {
    struct Case {
        DnsType type;
        std::string_view data;
        std::string text;
    };
    const std::vector<Case> cases{
        {DnsType::a, "\xc0\0\2\1"sv, "192.0.2.1"},
        {DnsType::aaaa, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"sv, "2001:db8::1"},
        {DnsType::cname, "\3web\xc0\x10"sv, "web.example.com."},
        {DnsType::ns, "\xc0\x10"sv, "example.com."},
        {DnsType::ptr, "\4host\0"sv, "host."},
        {DnsType::mx, "\0\x0a\4mail\xc0\x10"sv, "10 mail.example.com."},
        {DnsType::srv, "\0\1\0\2\x1f\x90\1a\xc0\x10"sv, "1 2 8080 a.example.com."},
        {DnsType::soa, "\2ns\xc0\x10\5admin\xc0\x10\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"sv,
         "ns.example.com. admin.example.com. 1 2 3 4 5"},
        {DnsType::txt, "\7v=spf1 \2\"\\\1\xff"sv, R"("v=spf1 " "\"\\" "\255")"},
    };
    for (const auto& [type, data, text] : cases) {
        EXPECT_THAT(judge(type, data, text), is_answered()) << text;
        EXPECT_THAT(judge(type, data, "x"),
                    testing::Field(&CheckResult::reason, testing::StartsWith("answered \"")))
            << text;
        EXPECT_EQ(judge(type, data.substr(0, data.size() - 1)).outcome, Outcome::failed) << text;
        EXPECT_EQ(judge(type, std::string(data) + "\1x").outcome,
                  type == DnsType::txt ? Outcome::answered : Outcome::failed)
            << text;
    }
}

TEST(DnsExchange, what_is_wanted_may_be_written_in_other_ways) {
    EXPECT_TRUE(is_dns_record("10  MAIL.example.com", "10 mail.example.com.", DnsType::mx));
    EXPECT_FALSE(is_dns_record("20 mail.example.com", "10 mail.example.com.", DnsType::mx));
    EXPECT_TRUE(is_dns_record("2001:DB8:0::1", "2001:db8::1", DnsType::aaaa));
    EXPECT_TRUE(is_dns_record("a b", "\"a b\"", DnsType::txt));
    EXPECT_FALSE(is_dns_record("A b", "\"a b\"", DnsType::txt));
    EXPECT_FALSE(is_dns_record("x", "192.0.2.1", DnsType::a));
}

TEST(DnsExchange, one_of_several_records_is_enough) {
    const auto records = record(DnsType::cname, "\3web\xc0\x10"sv) +
                         record(DnsType::a, "\xc0\0\2\1"sv) + record(DnsType::a, "\xc0\0\2\2"sv);
    Talk second(dns(DnsType::a, "192.0.2.2"));
    EXPECT_THAT(second.hears(answer_to(second.said(), good, 3, records)).result(), is_answered());
    Talk third(dns(DnsType::a, "192.0.2.3"));
    EXPECT_THAT(third.hears(answer_to(third.said(), good, 3, records)).result(),
                is_failed(R"(answered "192.0.2.1" instead of "192.0.2.3")"));
}

TEST(DnsExchange, an_error_is_named) {
    for (const auto& [flags, reason] : {std::pair{"\x81\x82"sv, "answered SERVFAIL"},
                                        {"\x81\x83"sv, "answered NXDOMAIN"},
                                        {"\x81\x85"sv, "answered REFUSED"},
                                        {"\x81\x8f"sv, "answered RCODE 15"}}) {
        Talk talk(dns(DnsType::a));
        EXPECT_THAT(talk.hears(answer_to(talk.said(), flags, 0, "")).result(), is_failed(reason));
    }
}

TEST(DnsExchange, another_question_or_number_is_no_answer) {
    Talk talk(dns(DnsType::a));
    const auto query = talk.said();
    auto other_number = answer_to(query, good, 1, record(DnsType::a, "\xc0\0\2\1"sv));
    other_number[0] = static_cast<char>(other_number[0] ^ 1);
    EXPECT_TRUE(talk.hears(other_number).waits());
    auto other_name = answer_to(query, good, 1, record(DnsType::a, "\xc0\0\2\1"sv));
    other_name[13] = 'x';
    EXPECT_THAT(talk.hears(other_name).result(),
                is_failed("answered another question than the one it got"));
}

TEST(DnsExchange, a_cut_answer_is_judged_by_what_is_there) {
    const auto cut = "\x83\x80"sv;
    Talk empty(dns(DnsType::a));
    EXPECT_THAT(empty.hears(answer_to(empty.said(), cut, 0, "")).result(),
                is_failed("its answer does not fit into a datagram; ask with protocol = \"tcp\""));
    Talk one(dns(DnsType::a));
    const auto answer = answer_to(one.said(), cut, 2, record(DnsType::a, "\xc0\0\2\1"sv));
    EXPECT_THAT(one.hears(answer + "\xc0").result(), is_answered());
}

TEST(DnsExchange, something_else_is_no_dns_answer) {
    EXPECT_THAT(Talk(dns(DnsType::a)).hears("HTTP").result(),
                is_failed(R"(answered "HTTP" instead of a DNS answer)"));
    Talk echo(dns(DnsType::a));
    EXPECT_EQ(echo.hears(echo.said()).result().outcome, Outcome::failed);
}

TEST(DnsExchange, pointers_of_names_lead_nowhere) {
    // To itself, in a circle with the question's name, behind the end.
    for (const auto pointer : {"\xc0\x2d"sv, "\xc0\x2f"sv, "\1a\xc0\x2d"sv, "\xff\xff"sv}) {
        const auto result = judge(DnsType::cname, pointer);
        EXPECT_EQ(result.outcome, Outcome::failed) << result.reason;
    }
}

TEST(DnsExchange, a_name_that_cannot_be_asked_for_blames_no_server) {
    auto what = dns(DnsType::a);
    what.monitor.query_name = std::string(64, 'a') + ".example.com";
    EXPECT_EQ(Talk(what).result().outcome, Outcome::not_asked);
}

}  // namespace
}  // namespace shoal::health

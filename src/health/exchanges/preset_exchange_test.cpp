#include <cstring>

#include "health/exchanges/testing.h"
#include "health/presets.h"
#include "model/choices.h"
#include "model/pattern.h"

namespace shoal::health {
namespace {

using model::MonitorType;
using std::string_view_literals::operator""sv;

struct Reply {
    MonitorType type;
    /// What the server says at first, and to each further step.
    std::vector<std::string_view> says;
};

// Of vsftpd, OpenSMTPD, Dovecot, slapd, MariaDB, PostgreSQL, Redis and Kamailio.
const std::vector<Reply>& good_replies() {
    static const std::vector<Reply> all{
        {MonitorType::ftp, {"220 (vsFTPd 3.0.3)\r\n", "221 Goodbye.\r\n"}},
        {MonitorType::ftp, {"220-Hello\r\n220-you\r\n 220 there\r\n220 \r\n", "221\r\n"}},
        {MonitorType::smtp,
         {"220 mail ESMTP OpenSMTPD\r\n", "250-mail Hello\r\n250-SIZE 36700160\r\n250 HELP\r\n",
          "221 2.0.0 Bye\r\n"}},
        {MonitorType::imap, {"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "* BYE out\r\n"}},
        {MonitorType::imap, {"* PREAUTH hello\r\n", "* BYE\r\n"}},
        {MonitorType::pop3, {"+OK Dovecot ready.\r\n", "+OK\r\n"}},
        {MonitorType::ldap, {"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"sv}},
        // Active Directory: long lengths; inappropriateAuthentication.
        {MonitorType::ldap,
         {"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x61\x84\x00\x00\x00\x07\x0a\x01\x30\x04\x00\x04\x00"sv}},
        {MonitorType::mysql,
         {"\x53\x00\x00\x00\x0a"
          "10.11.6-MariaDB\0"
          "\x07\x00\x00\x00%*CT\\OZU\0\xfe\xf7\x08\x02\x00\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0"
          "{,f@K:}-`!}u\0"
          "mysql_native_password\0"sv,
          "\x16\x00\x00\x02\xff\x15\x04#28000Access denied"sv}},
        {MonitorType::postgresql, {"R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\0\0"sv}},
        {MonitorType::postgresql,
         {"E\x00\x00\x00\x40SFATAL\0VFATAL\0C28000\0Mrole \"shoal\" does not exist\0\0"sv}},
        {MonitorType::redis, {"+PONG\r\n"}},
        {MonitorType::redis, {"-NOAUTH Authentication required.\r\n"}},
        {MonitorType::sip, {"SIP/2.0 200 OK\r\n"}},
        {MonitorType::sip,
         {"SIP/2.0 100 Trying\r\nVia: x\r\n\r\nSIP/2.0 202 Accepted\r\nVia: x\r\n\r\n"}},
    };
    return all;
}

TEST(Presets, each_kind_has_one_and_all_patterns_compile) {
    for (const auto& preset : presets()) {
        EXPECT_EQ(&preset_of(preset.type), &preset);
        EXPECT_FALSE(preset.steps.empty());
        for (const auto& step : preset.steps) {
            for (const auto pattern : {step.complete, step.refused, step.wrong}) {
                const auto compiled =
                    model::Pattern::compile(pattern, model::Pattern::Characters::bytes);
                EXPECT_TRUE(compiled) << pattern << ": " << compiled.error().message;
            }
        }
    }
}

TEST(Presets, a_good_server_is_up_however_its_answers_come) {
    for (const auto& [type, says] : good_replies()) {
        Talk whole(question(type));
        Talk slow(question(type));
        for (const auto& bytes : says) {
            EXPECT_TRUE(whole.waits());
            whole.hears(bytes);
            slow.hears_bytewise(bytes);
        }
        EXPECT_THAT(whole.result(), is_answered()) << says[0];
        EXPECT_THAT(slow.result(), is_answered()) << says[0];
    }
}

TEST(Presets, half_an_answer_is_none) {
    for (const auto& [type, says] : good_replies()) {
        for (std::size_t size = 0; size < says[0].size(); ++size) {
            Talk talk(question(type));
            talk.hears(says[0].substr(0, size));
            if (talk.waits()) {
                EXPECT_EQ(talk.hears_the_end().result().outcome, Outcome::failed) << says[0];
            } else {
                // Of these the rest is of no importance.
                EXPECT_TRUE(type == MonitorType::ldap || type == MonitorType::postgresql ||
                            type == MonitorType::sip)
                    << says[0];
                EXPECT_THAT(talk.result(), is_answered());
            }
        }
    }
}

TEST(Presets, what_another_server_says_is_wrong) {
    for (const auto& [type, says] : good_replies()) {
        EXPECT_EQ(Talk(question(type)).hears("HTTP/1.1 400 Bad Request\r\n\r\n").result().outcome,
                  Outcome::failed)
            << model::name_of(type);
        EXPECT_THAT(Talk(question(type)).hears_the_end().result(),
                    is_failed("closed before answering"));
    }
    EXPECT_THAT(Talk(question(MonitorType::ftp)).hears("SSH-2.0\r\n").result(),
                is_failed(R"(answered "SSH-2.0\r\n" instead of "220")"));
    EXPECT_THAT(Talk(question(MonitorType::redis)).hears("HTTP").result(),
                is_failed(R"(answered "HTTP" instead of what a Redis server says)"));
}

TEST(Presets, a_server_that_refuses_is_quoted) {
    const std::vector<std::tuple<MonitorType, std::string_view, std::string>> cases{
        {MonitorType::ftp, "421 too many users\r\n", "421 too many users"},
        {MonitorType::smtp, "554 5.7.1 go away\r\n", "554 5.7.1 go away"},
        {MonitorType::imap, "* BYE shutting down\r\n", "shutting down"},
        {MonitorType::pop3, "-ERR busy\r\n", "busy"},
        {MonitorType::ldap,
         "\x30\x10\x02\x01\x01\x61\x0b\x0a\x01\x33\x04\x00\x04\x04"
         "busy"sv,
         "busy"},
        {MonitorType::postgresql,
         "E\x00\x00\x00\x40SFATAL\0VFATAL\0C57P03\0Mthe system is starting up\0Fx.c\0\0"sv,
         "the system is starting up"},
        {MonitorType::postgresql, "E\x00\x00\x00\x40SFATAL\0C53300\0Dx\0Mtoo many\0\0"sv,
         "too many"},
        {MonitorType::redis, "-LOADING the dataset\r\n", "LOADING the dataset"},
        {MonitorType::sip, "SIP/2.0 503 Unavailable\r\n", "503 Unavailable"},
    };
    for (const auto& [type, says, words] : cases)
        EXPECT_THAT(Talk(question(type)).hears(says).result(),
                    is_failed("refuses: \"" + words + "\""));
    // Its words end with the connection.
    Talk mysql(question(MonitorType::mysql));
    EXPECT_TRUE(mysql.hears_bytewise("\x17\x00\x00\x00\xff\x10\x04Too many connections"sv).waits());
    EXPECT_THAT(mysql.hears_the_end().result(), is_failed(R"(refuses: "Too many connections")"));
}

TEST(Presets, a_goodbye_may_be_left_out) {
    for (const auto type : {MonitorType::ftp, MonitorType::imap, MonitorType::pop3}) {
        const auto greeting = type == MonitorType::ftp    ? "220 x\r\n"
                              : type == MonitorType::imap ? "* OK x\r\n"
                                                          : "+OK x\r\n";
        EXPECT_THAT(Talk(question(type)).hears(greeting).hears_the_end().result(), is_answered());
    }
}

TEST(Presets, an_endless_greeting_ends) {
    Talk talk(question(MonitorType::ftp));
    for (int i = 0; i < 20 && talk.waits(); ++i)
        talk.hears("220-" + std::string(10'000, 'x') + "\r\n");
    EXPECT_THAT(talk.result(), is_failed("answered without an end \"220-" + std::string(28, 'x') +
                                         "...\" instead of \"220\""));
}

TEST(Presets, lengths_within_what_is_sent_are_true) {
    Talk postgresql(question(MonitorType::postgresql));
    const auto startup = postgresql.said();
    EXPECT_EQ(startup.size(), static_cast<std::size_t>(startup[3]));
    Talk mysql(question(MonitorType::mysql));
    mysql.hears(
        "\x09\x00\x00\x00\x0a"
        "8.0\0\x07\x00\x00\x00"sv);
    const auto login = mysql.said();
    // Behind it an empty packet, should the server want another method.
    EXPECT_EQ(login.size() - 4 - 4, static_cast<std::size_t>(login[0]));
    EXPECT_TRUE(login.ends_with("\x00\x00\x00\x03"sv));
    EXPECT_TRUE(mysql
                    .hears("\x15\x00\x00\x02\xfe"
                           "caching_sha2_password\x00"sv)
                    .waits());
    EXPECT_THAT(mysql.hears("\x05\x00\x00\x04\xff\x15\x04no"sv).result(), is_answered());
}

TEST(Presets, sip_names_whom_it_asks_and_how) {
    auto what = question(MonitorType::sip, model::Protocol::udp);
    what.address = net::Address::parse("2001:db8::1").value();
    Talk first(what);
    const auto request = first.said();
    EXPECT_THAT(request,
                testing::StartsWith("OPTIONS sip:[2001:db8::1] SIP/2.0\r\n"
                                    "Via: SIP/2.0/UDP shoal.invalid;rport;branch=z9hG4bK"));
    EXPECT_THAT(request, testing::Not(testing::HasSubstr("{")));
    EXPECT_NE(request, Talk(what).said());
    // Datagrams: the announcement, then the answer.
    EXPECT_TRUE(first.hears("SIP/2.0 100 Trying\r\nVia: x\r\n\r\n").waits());
    EXPECT_THAT(first.hears("SIP/2.0 200 OK\r\nVia: x\r\n\r\n").result(), is_answered());
}

}  // namespace
}  // namespace shoal::health

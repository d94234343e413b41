#include "telemetry/mail_message.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "telemetry/mail_delivery.h"

namespace shoal::telemetry {
namespace {

Event failure(std::string reason = "connection refused") {
    return {.virtual_server = "web",
            .real_server = "web-1",
            .address = "10.11.12.1",
            .reason = std::move(reason),
            .time_ms = 1'795'418'125'999,
            .director = "director-1"};
}

TEST(mail_message, it_has_the_fields_that_rfc_5322_wants) {
    EXPECT_EQ(mail_message(failure(), "shoal@example.com", {"a@example.com", "b@example.com"},
                           "1.2@director"),
              "From: Shoal <shoal@example.com>\r\n"
              "To: a@example.com,\r\n b@example.com\r\n"
              "Subject: [shoal] real server web-1 of web is down: connection refused\r\n"
              "Date: Mon, 23 Nov 2026 07:15:25 +0000\r\n"
              "Message-ID: <1.2@director>\r\n"
              "Auto-Submitted: auto-generated\r\n"
              "MIME-Version: 1.0\r\n"
              "Content-Type: text/plain; charset=utf-8\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n"
              "\r\n"
              "real server web-1 of web is down: connection refused\r\n"
              "\r\n"
              "Virtual server: web\r\n"
              "Real server:    web-1\r\n"
              "Address:        10.11.12.1\r\n"
              "Time:           2026-11-23T07:15:25Z\r\n"
              "Director:       director-1\r\n");
}

TEST(mail_message, nothing_in_an_event_begins_a_header_field) {
    const auto message =
        mail_message(failure("x\r\nBcc: all@example.com\r\n\r\nbody"), "a@b", {"c@d"}, "i@d");
    EXPECT_EQ(message.find("\nBcc:"), message.find("\nBcc: all@example.com=0D"));
    const auto header = message.substr(0, message.find("\r\n\r\n"));
    EXPECT_EQ(header.find("\nBcc"), std::string::npos);
    EXPECT_NE(header.find("Subject: [shoal] real server web-1 of web is down: x  Bcc:"),
              std::string::npos);
}

TEST(mail_message, a_long_reason_is_cut_in_the_subject_and_whole_in_the_body) {
    const auto message = mail_message(failure(std::string(1500, 'x')), "a@b", {"c@d"}, "i@d");
    std::size_t longest = 0;
    std::size_t begin = 0;
    for (auto end = message.find("\r\n"); end != std::string::npos;
         begin = end + 2, end = message.find("\r\n", begin))
        longest = std::max(longest, end - begin);
    EXPECT_LE(longest, 250U);
    EXPECT_GE(std::ranges::count(message, 'x'), 1500);
}

TEST(mail_message, header_text_beyond_ascii_is_encoded_word_by_word) {
    EXPECT_EQ(header_text("plain = ok?"), "plain = ok?");
    EXPECT_EQ(header_text("Büro 1"), "=?utf-8?Q?B=C3=BCro_1?=");
    std::string many;
    for (int i = 0; i < 40; ++i)
        many += "ü";
    const auto text = header_text(many);
    EXPECT_NE(text.find("?=\r\n =?utf-8?Q?"), std::string::npos);
    std::size_t begin = 0;
    for (auto end = text.find("\r\n "); end != std::string::npos;
         begin = end + 3, end = text.find("\r\n ", begin))
        EXPECT_LE(end - begin, 75U);
    // No character lies in two words.
    EXPECT_EQ(text.find("=C3?="), std::string::npos);
}

TEST(mail_message, a_body_is_ascii_in_short_lines) {
    EXPECT_EQ(quoted_printable("a=ü\n"), "a=3D=C3=BC\r\n");
    EXPECT_EQ(quoted_printable("end \nnext "), "end=20\r\nnext=20");
    const auto text = quoted_printable(std::string(200, 'x'));
    EXPECT_EQ(text, std::string(75, 'x') + "=\r\n" + std::string(75, 'x') + "=\r\n" +
                        std::string(50, 'x'));
}

TEST(mail_delivery, a_relay_is_named_with_or_without_a_port) {
    const auto is = [](const std::string& relay, const std::string& host, const std::string& port) {
        const auto address = relay_address(relay);
        return address.host == host && address.port == port;
    };
    EXPECT_TRUE(is("mail.example.com", "mail.example.com", "25"));
    EXPECT_TRUE(is("10.11.12.25:2525", "10.11.12.25", "2525"));
    EXPECT_TRUE(is("2001:db8::25", "2001:db8::25", "25"));
    EXPECT_TRUE(is("[2001:db8::25]:587", "2001:db8::25", "587"));
    EXPECT_TRUE(is("[2001:db8::25]", "2001:db8::25", "25"));
}

}  // namespace
}  // namespace shoal::telemetry

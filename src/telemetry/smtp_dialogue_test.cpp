#include "telemetry/smtp_dialogue.h"

#include <gtest/gtest.h>

namespace shoal::telemetry {
namespace {

Mail mail() {
    return {.from = "shoal@example.com",
            .to = {"a@example.com", "b@example.com"},
            .message = "Subject: x\r\n\r\n.dot\r\nend\r\n"};
}

class SmtpDialogueTest : public testing::Test {
  protected:
    std::string say(std::string_view reply) {
        auto step = dialogue_.received(reply);
        result_ = step.result;
        return step.send;
    }
    /// Up to where the relay is asked for the first recipient.
    void begin() {
        say("220 relay ready\r\n");
        say("250 relay\r\n");
        ASSERT_EQ(say("250 OK\r\n"), "RCPT TO:<a@example.com>\r\n");
    }
    SmtpDialogue dialogue_{mail(), "director-1"};
    std::optional<Result<void>> result_;
};

TEST_F(SmtpDialogueTest, a_mail_is_handed_over) {
    EXPECT_EQ(say("220 relay ready\r\n"), "EHLO director-1\r\n");
    EXPECT_EQ(say("250-relay\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"),
              "MAIL FROM:<shoal@example.com>\r\n");
    EXPECT_EQ(say("250 OK\r\n"), "RCPT TO:<a@example.com>\r\n");
    EXPECT_EQ(say("250 OK\r\n"), "RCPT TO:<b@example.com>\r\n");
    EXPECT_EQ(say("251 forwarded\r\n"), "DATA\r\n");
    EXPECT_EQ(say("354 go on\r\n"), "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n");
    EXPECT_FALSE(result_);
    EXPECT_EQ(say("250 queued\r\n"), "QUIT\r\n");
    ASSERT_TRUE(result_);
    EXPECT_TRUE(*result_);
}

TEST_F(SmtpDialogueTest, a_reply_comes_in_any_pieces) {
    std::string sent;
    for (const char byte : std::string("220-hello\r\n220 ready\r\n"))
        sent += say({&byte, 1});
    EXPECT_EQ(sent, "EHLO director-1\r\n");
}

TEST_F(SmtpDialogueTest, an_old_relay_is_greeted_the_old_way) {
    say("220 ready\r\n");
    EXPECT_EQ(say("502 not implemented\r\n"), "HELO director-1\r\n");
    EXPECT_EQ(say("250 relay\r\n"), "MAIL FROM:<shoal@example.com>\r\n");
}

TEST_F(SmtpDialogueTest, one_refused_recipient_does_not_keep_it_from_the_others) {
    begin();
    EXPECT_EQ(say("550 no such user\r\n"), "RCPT TO:<b@example.com>\r\n");
    EXPECT_EQ(say("250 OK\r\n"), "DATA\r\n");
    say("354 go on\r\n");
    say("250 queued\r\n");
    ASSERT_TRUE(result_ && *result_);
    EXPECT_EQ(dialogue_.refused(), std::vector<std::string>{"a@example.com: 550 no such user"});
}

TEST_F(SmtpDialogueTest, without_any_recipient_nothing_is_sent) {
    begin();
    say("550 no\r\n");
    EXPECT_EQ(say("550 no\r\n"), "QUIT\r\n");
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error().message, "the relay refuses: a@example.com: 550 no");
}

TEST_F(SmtpDialogueTest, a_refusal_at_any_point_ends_it_with_the_relays_words) {
    EXPECT_EQ(say("554 go away\r\n"), "QUIT\r\n");
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error().message, "the relay refuses: 554 go away");
    EXPECT_EQ(say("220 no, stay\r\n"), "");
}

TEST_F(SmtpDialogueTest, a_message_that_is_refused_is_not_delivered) {
    begin();
    say("250 OK\r\n");
    say("250 OK\r\n");
    say("354 go on\r\n");
    say("552 too big\r\n");
    ASSERT_TRUE(result_);
    EXPECT_FALSE(*result_);
}

TEST_F(SmtpDialogueTest, what_is_no_reply_is_refused_and_shown_safely) {
    say("HTTP/1.1 400\x1b[2J Bad Request\r\n");
    ASSERT_TRUE(result_);
    EXPECT_EQ(
        result_->error().message,
        "the relay refuses: it said \"HTTP/1.1 400?[2J Bad Request\", which is no reply of SMTP");
}

TEST_F(SmtpDialogueTest, an_endless_reply_is_refused) {
    for (int i = 0; i < 1000 && !result_; ++i)
        say("250-more and more\r\n");
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error().message, "the relay refuses: its reply has no end");
}

TEST_F(SmtpDialogueTest, an_endless_line_is_refused) {
    for (int i = 0; i < 1000 && !result_; ++i)
        say("250 more and more");
    EXPECT_TRUE(result_);
}

TEST_F(SmtpDialogueTest, a_relay_that_answers_before_it_is_asked_is_out_of_step) {
    say("220 ready\r\n250 OK\r\n");
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error().message, "the relay refuses: it said more than was asked");
}

TEST(smtp_dialogue, a_message_ends_with_a_dot_of_its_own) {
    EXPECT_EQ(dot_stuffed("a\r\n"), "a\r\n.\r\n");
    EXPECT_EQ(dot_stuffed("a"), "a\r\n.\r\n");
    EXPECT_EQ(dot_stuffed(".\r\nb\r\n"), "..\r\nb\r\n.\r\n");
    EXPECT_EQ(dot_stuffed(""), ".\r\n");
}

}  // namespace
}  // namespace shoal::telemetry

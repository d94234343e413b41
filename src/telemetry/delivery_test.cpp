#include "telemetry/delivery.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace shoal::telemetry {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class Programs final : public health::ProgramRunner {
  public:
    explicit Programs(asio::io_context& loop) : loop_(loop) {}
    void run(health::ProgramOrder order, OnDone on_done) override {
        orders.push_back(std::move(order));
        asio::post(loop_, [this, on_done = std::move(on_done)] { on_done(result); });
    }
    std::vector<health::ProgramOrder> orders;
    health::ProgramResult result{.end = health::ProgramResult::End::exited};

  private:
    asio::io_context& loop_;
};

class Posts final : public Poster {
  public:
    void post(const std::string& url, std::string content_type, std::string body,
              Delivery::OnDone on_done) override {
        posted = {url, std::move(content_type), std::move(body)};
        on_done({});
    }
    std::vector<std::string> posted;
};

/// An SMTP relay for one connection that says yes to everything, or ends with `last_word` and
/// silence once it has said so many replies.
class Relay {
  public:
    explicit Relay(asio::io_context& loop)
        : acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), socket_(loop) {
        acceptor_.async_accept(socket_, [this](error_code error) {
            if (!error) reply("220 relay ready\r\n");
        });
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    const std::string& heard() const { return heard_; }
    bool refuse_sender = false;

  private:
    void reply(const std::string& text) {
        reply_ = text;
        asio::async_write(socket_, asio::buffer(reply_), [this](error_code error, std::size_t) {
            if (!error) read();
        });
    }
    void read() {
        asio::async_read_until(socket_, asio::dynamic_buffer(unread_),
                               in_data_ ? "\r\n.\r\n" : "\r\n",
                               [this](error_code error, std::size_t size) {
                                   if (error) return;
                                   const auto text = unread_.substr(0, size);
                                   unread_.erase(0, size);
                                   heard_ += text;
                                   answer(text);
                               });
    }
    void answer(const std::string& text) {
        const bool data = !in_data_ && text == "DATA\r\n";
        if (refuse_sender && text.starts_with("MAIL"))
            reply("553 not you\r\n");
        else
            reply(data ? "354 go on\r\n" : "250 OK\r\n");
        in_data_ = data;
    }

    tcp::acceptor acceptor_;
    tcp::socket socket_;
    std::string reply_;
    std::string unread_;
    std::string heard_;
    bool in_data_ = false;
};

class DeliveryTest : public testing::Test {
  protected:
    /// How the one delivery of the notification ends.
    Result<void> deliver(const model::Notification& notification) {
        const auto deliveries = deliveries_of(notification, {loop_, programs_, posts_});
        EXPECT_EQ(deliveries.size(), 1U);
        std::optional<Result<void>> result;
        deliveries.front()->deliver(event_, [&](const Result<void>& done) { result = done; });
        const auto end = Clock::now() + std::chrono::minutes(1);
        while (!result && Clock::now() < end) {
            loop_.restart();
            loop_.run_one_for(Milliseconds(10));
        }
        return result.value_or(fail("it never ended"));
    }
    model::Notification mail_to(std::vector<std::string> to) {
        model::Notification notification;
        notification.mail_to = std::move(to);
        notification.mail_from = "shoal@example.com";
        notification.mail_relay = relay_.address();
        return notification;
    }

    asio::io_context loop_;
    Programs programs_{loop_};
    Posts posts_;
    Relay relay_{loop_};
    Event event_{.virtual_server = "web", .real_server = "web-1", .reason = "refused"};
};

TEST_F(DeliveryTest, a_command_gets_the_event_in_its_environment) {
    model::Notification notification;
    notification.command = {"/usr/local/bin/page-me", "%h"};
    EXPECT_TRUE(deliver(notification));
    EXPECT_EQ(programs_.orders.at(0).words, notification.command);
    EXPECT_EQ(programs_.orders.at(0).environment.at("SHOAL_REAL_SERVER"), "web-1");
    programs_.result = {.end = health::ProgramResult::End::exited, .code = 2, .reason = "busy\n"};
    EXPECT_EQ(deliver(notification).error().message, "it ended with code 2: busy");
}

TEST_F(DeliveryTest, a_webhook_gets_json) {
    model::Notification notification;
    notification.webhook = "https://pager.example.com/shoal";
    EXPECT_TRUE(deliver(notification));
    EXPECT_EQ(posts_.posted, (std::vector<std::string>{notification.webhook, "application/json",
                                                       json_of(event_)}));
}

TEST_F(DeliveryTest, a_mail_goes_to_the_relay) {
    EXPECT_TRUE(deliver(mail_to({"a@example.com", "b@example.com"})));
    EXPECT_NE(relay_.heard().find("MAIL FROM:<shoal@example.com>\r\nRCPT TO:<a@example.com>\r\n"
                                  "RCPT TO:<b@example.com>\r\nDATA\r\nFrom: Shoal"),
              std::string::npos);
    EXPECT_NE(relay_.heard().find("\r\nreal server web-1 of web is down: refused\r\n"),
              std::string::npos);
}

TEST_F(DeliveryTest, a_relays_refusal_is_told) {
    relay_.refuse_sender = true;
    EXPECT_EQ(deliver(mail_to({"a@example.com"})).error().message,
              "the relay refuses: 553 not you");
}

TEST_F(DeliveryTest, a_relay_that_is_not_there_is_told) {
    auto notification = mail_to({"a@example.com"});
    // Bound, so that nobody else gets it, and not listening.
    const tcp::socket closed(loop_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    notification.mail_relay = "127.0.0.1:" + std::to_string(closed.local_endpoint().port());
    EXPECT_EQ(deliver(notification).error().message, "the relay: Connection refused");
}

TEST_F(DeliveryTest, what_is_no_mail_address_never_reaches_the_relay) {
    const auto done = deliver(mail_to({"a@example.com", "x@y>\r\nRCPT TO:<z@y"}));
    EXPECT_FALSE(done);
    EXPECT_EQ(relay_.heard(), "");
}

TEST_F(DeliveryTest, each_way_of_a_notification_is_a_delivery) {
    auto notification = mail_to({"a@example.com"});
    notification.command = {"/bin/true"};
    notification.webhook = "http://example.com/";
    EXPECT_EQ(deliveries_of(notification, {loop_, programs_, posts_}).size(), 3U);
    EXPECT_TRUE(deliveries_of({}, {loop_, programs_, posts_}).empty());
}

}  // namespace
}  // namespace shoal::telemetry

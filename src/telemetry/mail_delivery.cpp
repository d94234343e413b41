#include "telemetry/mail_delivery.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <random>

#include "base/log.h"
#include "model/text.h"
#include "telemetry/mail_message.h"
#include "telemetry/smtp_dialogue.h"

namespace shoal::telemetry {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds longest{30};

/// For EHLO and Message-ID: this host's name, where it can stand there.
std::string own_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    const std::string text(name.data());
    const bool good = !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-';
    });
    return good ? text : "localhost";
}

std::string message_id() {
    std::random_device random;
    return fmt::format("{}.{:08x}{:08x}@{}", wall_clock_ms(), random(), random(), own_name());
}

/// One mail's way, from the look-up of the relay's address to its last word.
class Sending final : public std::enable_shared_from_this<Sending> {
  public:
    Sending(asio::io_context& loop, Mail mail, Delivery::OnDone on_done)
        : resolver_(loop),
          socket_(loop),
          timer_(loop),
          dialogue_(std::move(mail), own_name()),
          on_done_(std::move(on_done)) {}

    void begin(const RelayAddress& relay) {
        timer_.expires_after(longest);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->finish(fail("the relay took longer than 30 s"));
        });
        resolver_.async_resolve(relay.host, relay.port,
                                [self = shared_from_this()](
                                    error_code error, const tcp::resolver::results_type& found) {
                                    self->resolved(error, found);
                                });
    }

  private:
    void resolved(error_code error, const tcp::resolver::results_type& found) {
        if (!going_on(error)) return;
        asio::async_connect(socket_, found,
                            [self = shared_from_this()](error_code failed, const tcp::endpoint&) {
                                if (self->going_on(failed)) self->read();
                            });
    }

    void read() {
        socket_.async_read_some(
            asio::buffer(buffer_), [self = shared_from_this()](error_code error, std::size_t size) {
                if (self->going_on(error))
                    self->take(self->dialogue_.received({self->buffer_.data(), size}));
            });
    }

    void take(SmtpDialogue::Step step) {
        if (step.send.empty() && !step.result) {
            read();
            return;
        }
        sending_ = std::move(step.send);
        asio::async_write(
            socket_, asio::buffer(sending_),
            [self = shared_from_this(), result = step.result](error_code error, std::size_t) {
                // Once the relay has taken the message, a failing QUIT is no matter.
                if (result)
                    self->finish(*result);
                else if (self->going_on(error))
                    self->read();
            });
    }

    bool going_on(error_code error) {
        if (!on_done_) return false;
        if (error) finish(fail("the relay: " + error.message()));
        return !error;
    }

    void finish(const Result<void>& result) {
        if (!on_done_) return;
        timer_.cancel();
        resolver_.cancel();
        error_code ignored;
        socket_.close(ignored);
        if (result && !dialogue_.refused().empty())
            log(Message::notification_failed, "mail, refused by the relay: {}",
                fmt::join(dialogue_.refused(), "; "));
        std::exchange(on_done_, {})(result);
    }

    tcp::resolver resolver_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    SmtpDialogue dialogue_;
    /// Empty once it was called.
    Delivery::OnDone on_done_;
    std::array<char, 2048> buffer_{};
    std::string sending_;
};

class MailDelivery final : public Delivery {
  public:
    MailDelivery(asio::io_context& loop, MailRoute route) : loop_(loop), route_(std::move(route)) {}

    void deliver(const Event& event, OnDone on_done) override {
        if (const auto wrong = wrong_address()) {
            asio::post(loop_, [on_done = std::move(on_done), text = *wrong] {
                on_done(fail(fmt::format("\"{}\" is no mail address", text)));
            });
            return;
        }
        Mail mail{.from = route_.from,
                  .to = route_.to,
                  .message = mail_message(event, route_.from, route_.to, message_id())};
        std::make_shared<Sending>(loop_, std::move(mail), std::move(on_done))
            ->begin(relay_address(route_.relay));
    }

    std::string name() const override {
        return fmt::format("mail to {}", fmt::join(route_.to, ", "));
    }

  private:
    std::optional<std::string> wrong_address() const {
        if (!model::is_mail_address(route_.from)) return route_.from;
        const auto wrong = std::ranges::find_if_not(
            route_.to, [](const std::string& address) { return model::is_mail_address(address); });
        if (wrong == route_.to.end()) return {};
        return *wrong;
    }

    asio::io_context& loop_;
    MailRoute route_;
};

}  // namespace

RelayAddress relay_address(const std::string& relay) {
    const auto colon = relay.rfind(':');
    const auto bracket = relay.rfind(']');
    if (relay.starts_with('[') && bracket != std::string::npos) {
        const auto host = relay.substr(1, bracket - 1);
        if (colon == bracket + 1) return {host, relay.substr(colon + 1)};
        return {.host = host};
    }
    // More than one colon is an IPv6 address.
    if (colon == std::string::npos || relay.find(':') != colon) return {.host = relay};
    return {relay.substr(0, colon), relay.substr(colon + 1)};
}

std::shared_ptr<Delivery> make_mail_delivery(boost::asio::io_context& loop, MailRoute route) {
    return std::make_shared<MailDelivery>(loop, std::move(route));
}

}  // namespace shoal::telemetry

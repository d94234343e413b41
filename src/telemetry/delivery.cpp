#include "telemetry/delivery.h"

#include "health/program_check.h"
#include "net/web_url.h"
#include "telemetry/mail_delivery.h"

namespace shoal::telemetry {

namespace {

class CommandDelivery final : public Delivery {
  public:
    CommandDelivery(health::ProgramRunner& programs, std::vector<std::string> words)
        : programs_(programs), words_(std::move(words)) {}

    void deliver(const Event& event, OnDone on_done) override {
        constexpr Milliseconds longest{30'000};
        programs_.run({.words = words_, .timeout = longest, .environment = environment_of(event)},
                      [on_done = std::move(on_done)](const health::ProgramResult& result) {
                          const auto end = health::describe_end(result);
                          on_done(end.empty() ? Result<void>() : Result<void>(fail("it " + end)));
                      });
    }
    std::string name() const override { return "the command " + words_.front(); }

  private:
    health::ProgramRunner& programs_;
    std::vector<std::string> words_;
};

class WebhookDelivery final : public Delivery {
  public:
    WebhookDelivery(Poster& poster, std::string url) : poster_(poster), url_(std::move(url)) {}

    void deliver(const Event& event, OnDone on_done) override {
        poster_.post(url_, "application/json", json_of(event), std::move(on_done));
    }
    /// The rest of the URL may be a secret.
    std::string name() const override {
        const auto url = net::parse_web_url(url_);
        return "the webhook" + (url ? " of " + url->host_field() : "");
    }

  private:
    Poster& poster_;
    std::string url_;
};

}  // namespace

std::vector<std::shared_ptr<Delivery>> deliveries_of(const model::Notification& notification,
                                                     const DeliveryTools& tools) {
    std::vector<std::shared_ptr<Delivery>> result;
    if (!notification.command.empty())
        result.push_back(std::make_shared<CommandDelivery>(tools.programs, notification.command));
    if (!notification.webhook.empty())
        result.push_back(std::make_shared<WebhookDelivery>(tools.poster, notification.webhook));
    if (!notification.mail_to.empty())
        result.push_back(make_mail_delivery(
            tools.loop, {notification.mail_relay, notification.mail_from, notification.mail_to}));
    return result;
}

}  // namespace shoal::telemetry

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/monitor_texts.h"
#include "config/validators.h"
#include "model/text.h"
#include "net/web_url.h"

namespace shoal::config {

namespace {

using model::in_quotes;
using model::Notification;
using NotificationPart = Part<Notification>;

class NotificationValidator {
  public:
    explicit NotificationValidator(const Examination& examination)
        : problems_(examination.problems), document_(examination.document) {
        services_are_known_ = is_known(document_, "virtual_server", "name", Presence::required);
        for (const auto& service : examination.configuration.virtual_servers)
            services_.push_back(service.name);
    }

    void examine(const NotificationPart& part) {
        unique_name(part);
        some_way(part);
        command(part);
        webhook(part);
        mail(part);
        known_services(part);
    }

  private:
    void add(Position place, const NotificationPart& part, std::string_view message,
             std::string advice) {
        problems_.add(place,
                      fmt::format("notification {}: {}", in_quotes(part.value.name), message),
                      std::move(advice));
    }

    void unique_name(const NotificationPart& part) {
        const auto place = part.given("name");
        if (!place) return;
        const auto [first, added] = names_.try_emplace(part.value.name, *place);
        if (added) return;
        problems_.add(*place,
                      fmt::format("two notifications have the name {}", in_quotes(part.value.name)),
                      seen_in(first->second));
    }

    void some_way(const NotificationPart& part) {
        for (const auto* key : {"command", "webhook", "mail_to"}) {
            if (!part.place(key)) return;
        }
        const auto& value = part.value;
        if (!value.command.empty() || !value.webhook.empty() || !value.mail_to.empty()) return;
        add(part.position, part, "nobody is told", "set command, webhook or mail_to");
    }

    void command(const NotificationPart& part) {
        const auto place = part.given("command");
        const auto& words = part.value.command;
        if (!place || words.empty() || words.front().starts_with('/')) return;
        add(*place, part, fmt::format("command: {} is no absolute path", in_quotes(words.front())),
            "begin it with /, and write each argument as a text of its own");
    }

    void webhook(const NotificationPart& part) {
        const auto place = part.given("webhook");
        const auto& url = part.value.webhook;
        if (!place || url.empty() || net::parse_web_url(url)) return;
        add(*place, part, fmt::format("webhook: {} is no URL of the web", in_quotes(url)),
            "for instance https://pager.example.com/shoal");
    }

    void mail(const NotificationPart& part) {
        const auto& value = part.value;
        for (const auto* key : {"mail_to", "mail_from", "mail_relay"}) {
            if (!part.place(key)) return;
        }
        if (value.mail_to.empty()) {
            for (const auto& [key, text] : {std::pair{"mail_from", &value.mail_from},
                                            std::pair{"mail_relay", &value.mail_relay}}) {
                if (!text->empty())
                    add(*part.given(key), part, fmt::format("{} is set, but mail_to is not", key),
                        "set mail_to too, or remove it");
            }
            return;
        }
        const auto to = *part.given("mail_to");
        if (value.mail_from.empty())
            add(to, part, "mails need a sender", "set mail_from = \"shoal@example.com\"");
        if (value.mail_relay.empty())
            add(to, part, "mails need a relay that takes them", "set mail_relay = \"10.11.12.25\"");
        for (std::size_t i = 0; i < value.mail_to.size(); ++i)
            mail_address(part, part.item_place("mail_to", i), value.mail_to[i]);
        if (!value.mail_from.empty()) mail_address(part, *part.given("mail_from"), value.mail_from);
        if (!value.mail_relay.empty() && !is_host_and_port(value.mail_relay)) {
            add(*part.given("mail_relay"), part,
                fmt::format("mail_relay: {} is no host with a port", in_quotes(value.mail_relay)),
                "for instance 10.11.12.25, or 10.11.12.25:587");
        }
    }

    void mail_address(const NotificationPart& part, Position place, const std::string& address) {
        if (model::is_mail_address(address)) return;
        add(place, part, fmt::format("{} is no mail address", in_quotes(address)),
            "for instance ops@example.com");
    }

    void known_services(const NotificationPart& part) {
        if (!part.given("virtual_servers") || !services_are_known_) return;
        const auto& names = part.value.virtual_servers;
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (std::ranges::find(services_, names[i]) != services_.end()) continue;
            add(part.item_place("virtual_servers", i), part,
                fmt::format("there is no virtual server {}", in_quotes(names[i])),
                services_.empty() ? "" : advise(names[i], services_));
        }
    }

    ProblemList& problems_;
    const Table& document_;
    std::vector<std::string_view> services_;
    bool services_are_known_ = false;
    std::map<std::string, Position> names_;
};

}  // namespace

void validate_notifications(const Examination& examination) {
    NotificationValidator validator(examination);
    for (const auto& part :
         parts("notification", examination.document, examination.configuration.notifications))
        validator.examine(part);
}

}  // namespace shoal::config

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/validation_testing.h"

namespace shoal::config {
namespace {

/// `lines` begin in line 3.
std::string notification(std::string_view lines) {
    return fmt::format("[[notification]]\nname = \"n\"\n{}\n", lines);
}

Problem problem(int line, int column, std::string_view message, std::string advice) {
    return {line, column, fmt::format("notification \"n\": {}", message), std::move(advice)};
}

TEST(Notifications, reach_somebody) {
    expect_problems({
        {notification(""), {problem(1, 1, "nobody is told", "set command, webhook or mail_to")}},
        {notification("command = \"/bin/x\""), {}},
        {notification("webhook = \"https://x.org:8443/a?b\""), {}},
        {notification("webhook = \"http://[2001:db8::1]/\""), {}},
        {notification("mail_to = \"a@x.org\"\nmail_from = \"b@x.org\"\nmail_relay = \"10.0.0.1\""),
         {}},
    });
}

TEST(Notifications, a_command_is_named_by_its_path) {
    expect_problems({
        {notification("command = [\"page-me\", \"%x\"]"),
         {problem(3, 11, "command: \"page-me\" is no absolute path",
                  "begin it with /, and write each argument as a text of its own")}},
    });
}

TEST(Notifications, a_webhook_is_a_url) {
    for (const auto* url : {"pager.example.com", "ftp://x.org", "https://", "http://:80/",
                            "http://x.org:0/", "http://x.org:99999", "http://a b/"}) {
        expect_problems({
            {notification(fmt::format("webhook = \"{}\"", url)),
             {problem(3, 11, fmt::format("webhook: \"{}\" is no URL of the web", url),
                      "for instance https://pager.example.com/shoal")}},
        });
    }
}

TEST(Notifications, mails_need_a_sender_and_a_relay) {
    expect_problems({
        {notification("mail_to = [\"a@x.org\", \"b\"]"),
         {problem(3, 11, "mails need a sender", "set mail_from = \"shoal@example.com\""),
          problem(3, 11, "mails need a relay that takes them", "set mail_relay = \"10.11.12.25\""),
          problem(3, 23, "\"b\" is no mail address", "for instance ops@example.com")}},
        {notification("command = \"/x\"\nmail_relay = \"x.org\""),
         {problem(4, 14, "mail_relay is set, but mail_to is not",
                  "set mail_to too, or remove it")}},
        {notification("mail_to = \"a@x.org\"\nmail_from = \"b@x.org\"\nmail_relay = \"x:y\""),
         {problem(5, 14, "mail_relay: \"x:y\" is no host with a port",
                  "for instance 10.11.12.25, or 10.11.12.25:587")}},
    });
}

TEST(Notifications, names_are_unique_and_virtual_servers_known) {
    const auto named = [](std::string_view name) {
        return service("web", "192.0.2.1", "") +
               notification(
                   fmt::format("command = \"/x\"\nvirtual_servers = [\"web\", \"{}\"]", name));
    };
    expect_problems({
        {named("wep"),
         {problem(8, 27, "there is no virtual server \"wep\"", "did you mean \"web\"?")}},
        {named("web"), {}},
        {notification("webhook = \"http://x\"") + notification("webhook = \"http://x\""),
         {{5, 8, "two notifications have the name \"n\"", "the other one is in line 2"}}},
    });
}

}  // namespace
}  // namespace shoal::config

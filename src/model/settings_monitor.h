#pragma once

#include "model/schema.h"
#include "model/setting_effects.h"

// The settings of checks, load monitoring and notifications.

namespace shoal::model {

template <>
struct Schema<Monitor> {
    static constexpr Section section{
        "monitor", "[virtual_server.monitor]",
        "How the real servers are checked. Without this table a virtual server with protocol `tcp` "
        "and port 80 sends `GET / HTTP/1.0\\r\\n\\r\\n` and expects `HTTP`; any other one with "
        "protocol `tcp` is checked by opening the port. With protocol `udp` and type `text` both "
        "`send` and `expect` are needed, because a UDP port cannot be opened."};
    static constexpr std::tuple settings{
        setting(&Monitor::type,
                {.key = "type",
                 .title = "Kind of check",
                 .help = "`none`: nothing is checked, and every active real server counts as up. "
                         "`text`: Send and Expect over TCP or UDP; without both it is enough that "
                         "the port opens. `program`: a Sending program. `http`, `https`: a "
                         "request, judged by status and body. `tls`: a handshake. `dns`: a query. "
                         "`icmp`: an echo request. `smtp`: a greeting and EHLO. `grpc`: the "
                         "standard health service. `ftp`, `imap`, `pop3`, `ldap`, `mysql`, "
                         "`postgresql`, `redis`, `sip`: the short exchange that shows that such a "
                         "server is ready, without a login.",
                 .effect = effect::next_check,
                 .default_text = "`text`; with `sending_program` `program`"}),
        setting(&Monitor::to,
                {.key = "to",
                 .title = "Check goes to",
                 .help = "`real-server`: to the real server's own address. `virtual-address`: to "
                         "the virtual server's, by the way that clients' packets come, direct "
                         "routing or a tunnel. Then a real server that does not accept the virtual "
                         "address (it is not on its loopback device, its end of the tunnel is "
                         "down) fails its checks, as it fails clients. Not with the types "
                         "`program` and `icmp`, nor with NAT.",
                 .effect = effect::next_check}),
        setting(&Monitor::port,
                {.key = "port",
                 .title = "Check port",
                 .help = "Which port of the real servers is checked. Needed where a virtual server "
                         "takes every port.",
                 .effect = effect::next_check,
                 .limits = {.least = 1, .most = 65'535},
                 .default_text = "the real server's; else the virtual server's first; else the "
                                 "first of its firewall mark",
                 .example = "80"}),
        setting(&Monitor::address, {.key = "address",
                                    .title = "Check address",
                                    .help = "Which address is checked in place of the real "
                                            "server's, for instance one of a management network.",
                                    .effect = effect::next_check,
                                    .default_text = "the real server's",
                                    .example = "\"10.20.30.1\""}),
        setting(&Monitor::source, {.key = "source",
                                   .title = "Source address",
                                   .help = "The director's address that checks come from.",
                                   .effect = effect::next_check,
                                   .default_text = "as routing chooses it",
                                   .example = "\"10.11.12.250\""}),
        setting(&Monitor::protocol,
                {.key = "protocol",
                 .title = "Protocol",
                 .help = "Of the check; with the types `text`, `dns` and `sip`.",
                 .effect = effect::next_check,
                 .default_text = "the virtual server's",
                 .example = "\"tcp\""}),
        setting(&Monitor::send,
                {.key = "send",
                 .title = "Send",
                 .help = "What is sent after the port is opened: printable ASCII and the escapes "
                         "`\\n` `\\r` `\\t` `\\\\` `\\\"` `\\'`. Empty: nothing.",
                 .effect = effect::next_check,
                 .legacy = "send",
                 .limits = {.most = max_exchange_length},
                 .default_text = "empty",
                 .example = "'GET / HTTP/1.0\\r\\n\\r\\n'",
                 .form = TextForm::exchange}),
        setting(&Monitor::expect,
                {.key = "expect",
                 .title = "Expect",
                 .help = "What the answer must begin with, with the same escapes. Empty: it is "
                         "enough that the port opens. A Sending program's output must be this, but "
                         "for the line feed at its end.",
                 .effect = effect::next_check,
                 .legacy = "expect",
                 .limits = {.most = max_exchange_length},
                 .default_text = "empty",
                 .example = "\"HTTP\"",
                 .form = TextForm::exchange}),
        setting(&Monitor::expect_pattern,
                {.key = "expect_pattern",
                 .title = "Expect a regular expression",
                 .help = "Instead of `expect`: must match somewhere in the answer or output; with "
                         "`http` and `https` in the body. RE2's syntax, which is that of egrep "
                         "without back references.",
                 .effect = effect::next_check,
                 .legacy = "use_regex",
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "'^220.*ready'",
                 .form = TextForm::line}),
        setting(&Monitor::sending_program,
                {.key = "sending_program",
                 .title = "Sending Program",
                 .help = "An executable file with its absolute path, and its arguments, whose "
                         "output is compared with `expect`; `send` is ignored. In each word `%h` "
                         "is the real server's address, `%p` the port, `%v` the virtual address, "
                         "`%n` the real server's name, `%%` a percent sign. It runs without a "
                         "shell, as a user without rights. Missing, crashing, ending with another "
                         "code than 0, taking longer than the check timeout or saying something "
                         "else: all mean that the real server is down.",
                 .effect = effect::next_check,
                 .legacy = "send_program",
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "[\"/usr/local/bin/check-dns\", \"%h\"]",
                 .form = TextForm::line}),
        setting(&Monitor::method, {.key = "method",
                                   .title = "Method",
                                   .help = "Of `http` and `https`.",
                                   .effect = effect::next_check,
                                   .limits = {.most = max_line_length},
                                   .form = TextForm::line}),
        setting(&Monitor::path, {.key = "path",
                                 .title = "Path",
                                 .help = "Of `http` and `https`, with its query if it has one.",
                                 .effect = effect::next_check,
                                 .limits = {.most = max_line_length},
                                 .form = TextForm::line}),
        setting(&Monitor::host, {.key = "host",
                                 .title = "Host",
                                 .help = "The host that a request names.",
                                 .effect = effect::next_check,
                                 .limits = {.most = max_line_length},
                                 .default_text = "the address that is checked",
                                 .example = "\"www.example.com\"",
                                 .form = TextForm::line}),
        setting(&Monitor::status,
                {.key = "status",
                 .title = "Expected status",
                 .help = "Status codes that are right: one, a range, or a list of both.",
                 .effect = effect::next_check,
                 .limits = {.least = 100, .most = 599},
                 .default_text = "`\"200-399\"`",
                 .example = "[200, \"300-399\"]"}),
        setting(&Monitor::tls, {.key = "tls",
                                .title = "TLS",
                                .help = "`true`: the exchange begins with a TLS handshake, as with "
                                        "`imap` on port 993. `https` and `tls` do so anyway.",
                                .effect = effect::next_check}),
        setting(&Monitor::verify_certificate,
                {.key = "verify_certificate",
                 .title = "Verify the certificate",
                 .help = "`true`: the certificate must be valid, issued by an authority of "
                         "`ca_file`, and be for `server_name`.",
                 .effect = effect::next_check}),
        setting(&Monitor::server_name,
                {.key = "server_name",
                 .title = "Server name",
                 .help = "Sent in the handshake (SNI), and looked for in the certificate.",
                 .effect = effect::next_check,
                 .limits = {.most = max_line_length},
                 .default_text = "`host`",
                 .example = "\"www.example.com\"",
                 .form = TextForm::line}),
        setting(&Monitor::ca_file, {.key = "ca_file",
                                    .title = "Certificate authorities",
                                    .help = "A PEM file.",
                                    .effect = effect::next_check,
                                    .limits = {.most = max_line_length},
                                    .default_text = "the system's",
                                    .example = "\"/etc/shoal/ca.pem\"",
                                    .form = TextForm::line}),
        setting(&Monitor::certificate_file,
                {.key = "certificate_file",
                 .title = "Client certificate",
                 .help = "A PEM file, for servers that ask for one; with `key_file`.",
                 .effect = effect::next_check,
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "\"/etc/shoal/check.pem\"",
                 .form = TextForm::line}),
        setting(&Monitor::key_file, {.key = "key_file",
                                     .title = "Client key",
                                     .help = "A PEM file without a passphrase.",
                                     .effect = effect::next_check,
                                     .limits = {.most = max_line_length},
                                     .default_text = "none",
                                     .example = "\"/etc/shoal/check.key\"",
                                     .form = TextForm::line}),
        setting(&Monitor::query_name, {.key = "query_name",
                                       .title = "Name asked for",
                                       .help = "Of `dns`.",
                                       .effect = effect::next_check,
                                       .limits = {.most = max_line_length},
                                       .default_text = "the root, `.`",
                                       .example = "\"www.example.com\"",
                                       .form = TextForm::line}),
        setting(&Monitor::query_type, {.key = "query_type",
                                       .title = "Type asked for",
                                       .help = "Of `dns`.",
                                       .effect = effect::next_check}),
        setting(&Monitor::answer,
                {.key = "answer",
                 .title = "Expected answer",
                 .help = "Of `dns`: one record of the answer must be this, written as dig writes "
                         "it. Empty: any record is right.",
                 .effect = effect::next_check,
                 .limits = {.most = max_line_length},
                 .default_text = "empty",
                 .example = "\"192.0.2.1\"",
                 .form = TextForm::line}),
        setting(&Monitor::grpc_service, {.key = "grpc_service",
                                         .title = "gRPC service",
                                         .help = "Of `grpc`; empty: the server as a whole.",
                                         .effect = effect::next_check,
                                         .limits = {.most = max_line_length},
                                         .default_text = "empty",
                                         .example = "\"shop.Orders\"",
                                         .form = TextForm::line}),
        setting(
            &Monitor::interval,
            {.key = "interval",
             .title = "Check interval",
             .help = "The time from one check to the next; not longer than the service timeout.",
             .effect = effect::next_check,
             .legacy = "timeout",
             .limits = {.least = 10, .most = 3'600'000},
             .default_text = "a third of the service timeout",
             .example = "\"2s\""}),
        setting(&Monitor::timeout,
                {.key = "timeout",
                 .title = "Check timeout",
                 .help = "How long one check may take; not longer than the check interval.",
                 .effect = effect::next_check,
                 .legacy = "timeout",
                 .limits = {.least = 5, .most = 3'600'000},
                 .default_text = "half the check interval",
                 .example = "\"1s\""}),
    };
};

/// The rows of Schema<Monitor> for a member that a real server may have of its own.
template <class Value>
consteval auto own_setting(std::optional<Value> MonitorOverride::* member, std::string_view key,
                           std::string_view title, std::string_view example, Limits limits,
                           TextForm form = TextForm::line) {
    return setting(member, {.key = key,
                            .title = title,
                            .help = "As in the virtual server's `monitor`.",
                            .effect = effect::next_check,
                            .limits = limits,
                            .default_text = "the virtual server's",
                            .example = example,
                            .form = form});
}

template <>
struct Schema<MonitorOverride> {
    static constexpr Section section{
        "monitor of a real server", "[virtual_server.real_server.monitor]",
        "What is checked otherwise than at the other real servers of its virtual server."};
    static constexpr Limits line{.most = max_line_length};
    static constexpr Limits exchange{.most = max_exchange_length};
    static constexpr std::tuple settings{
        own_setting(&MonitorOverride::to, "to", "Check goes to", "\"real-server\"", {}),
        own_setting(&MonitorOverride::port, "port", "Check port", "8081",
                    {.least = 1, .most = 65'535}),
        own_setting(&MonitorOverride::address, "address", "Check address", "\"10.20.30.1\"", {}),
        own_setting(&MonitorOverride::send, "send", "Send", "'QUIT\\r\\n'", exchange,
                    TextForm::exchange),
        own_setting(&MonitorOverride::expect, "expect", "Expect", "\"220\"", exchange,
                    TextForm::exchange),
        own_setting(&MonitorOverride::path, "path", "Path", "\"/health\"", line),
        own_setting(&MonitorOverride::host, "host", "Host", "\"web-1.example.com\"", line),
        own_setting(&MonitorOverride::server_name, "server_name", "Server name",
                    "\"web-1.example.com\"", line),
        own_setting(&MonitorOverride::query_name, "query_name", "Name asked for",
                    "\"www.example.com\"", line),
    };
};

template <>
struct Schema<LoadMonitor> {
    static constexpr Section section{
        "load monitor", "[virtual_server.load_monitor]",
        "How the loads of the real servers become weights, between `least_weight` and "
        "`greatest_weight`. Load monitoring is not load balancing: together with a scheduler that "
        "goes by weights, where connections go becomes hard to predict. All weights of such a "
        "virtual server are multiplied by 100 in the data plane, so that small ones can change "
        "a little."};
    static constexpr ShortForm short_form{&LoadMonitor::tool, "a tool"};
    static constexpr std::tuple settings{
        setting(&LoadMonitor::tool,
                {.key = "tool",
                 .title = "Load monitoring tool",
                 .help = "`rup`: rstatd of the real servers is asked. `ruptime`: what rwhod of the "
                         "real servers sends is listened to. `agent`: a line of the HAProxy agent "
                         "protocol is read from `port`. `http`: a number is read from `path`. "
                         "`program`: its output is a number.",
                 .effect = effect::next_load,
                 .legacy = "load_monitor"}),
        setting(&LoadMonitor::interval, {.key = "interval",
                                         .title = "Load interval",
                                         .help = "From one question to the next; of `ruptime` how "
                                                 "often what came is looked at.",
                                         .effect = effect::next_load,
                                         .limits = {.least = 1'000, .most = 3'600'000}}),
        setting(&LoadMonitor::port, {.key = "port",
                                     .title = "Load port",
                                     .help = "Where the tool asks; needed with `agent`.",
                                     .effect = effect::next_load,
                                     .limits = {.least = 1, .most = 65'535},
                                     .default_text = "of `http` the check port; of `rup` what the "
                                                     "portmapper says; of `ruptime` 513",
                                     .example = "8079"}),
        setting(&LoadMonitor::path, {.key = "path",
                                     .title = "Path",
                                     .help = "Of `http`.",
                                     .effect = effect::next_load,
                                     .limits = {.most = max_line_length},
                                     .form = TextForm::line}),
        setting(&LoadMonitor::value,
                {.key = "value",
                 .title = "Value",
                 .help = "Of `http`: what in the answer is the load: a JSON pointer, `/load/one`, "
                         "or the name of a Prometheus metric, `node_load1`. Empty: the whole "
                         "answer is a number.",
                 .effect = effect::next_load,
                 .limits = {.most = max_line_length},
                 .default_text = "empty",
                 .example = "\"node_load1\"",
                 .form = TextForm::line}),
        setting(&LoadMonitor::program, {.key = "program",
                                        .title = "Load program",
                                        .help = "As `sending_program`; its output is a number.",
                                        .effect = effect::next_load,
                                        .limits = {.most = max_line_length},
                                        .default_text = "none",
                                        .example = "[\"/usr/local/bin/load-of\", \"%h\"]",
                                        .form = TextForm::line}),
        setting(&LoadMonitor::normal_load,
                {.key = "normal_load",
                 .title = "Normal load",
                 .help = "The load, in hundredths, at which a real server has the weight of the "
                         "file: 100 is a load average of 1.00.",
                 .effect = effect::next_load,
                 .limits = {.least = 1, .most = 1'000'000}}),
        setting(&LoadMonitor::least_weight, {.key = "least_weight",
                                             .title = "Least weight",
                                             .help = "In percent of the weight of the file.",
                                             .effect = effect::next_load,
                                             .limits = {.least = 1, .most = 100}}),
        setting(&LoadMonitor::greatest_weight, {.key = "greatest_weight",
                                                .title = "Greatest weight",
                                                .help = "In percent of the weight of the file.",
                                                .effect = effect::next_load,
                                                .limits = {.least = 100, .most = 1'000}}),
    };
};

template <>
struct Schema<Notification> {
    static constexpr Section section{
        "notification", "[[notification]]",
        "Who is told what happens, beside the journal: by a command, a webhook or a mail. A "
        "notification that fails is reported and changes nothing else."};
    static constexpr std::tuple settings{
        setting(&Notification::name, {.key = "name",
                                      .title = "Name",
                                      .help = "A descriptive name, once in the file.",
                                      .effect = effect::next_event,
                                      .example = "\"pager\"",
                                      .required = true}),
        setting(&Notification::events, {.key = "events",
                                        .title = "Events",
                                        .help = "Which events.",
                                        .effect = effect::next_event,
                                        .default_text = "all",
                                        .example = "[\"real-server-down\", \"quorum-lost\"]"}),
        setting(&Notification::virtual_servers,
                {.key = "virtual_servers",
                 .title = "Virtual servers",
                 .help = "The names of those whose events are told.",
                 .effect = effect::next_event,
                 .default_text = "all",
                 .example = "[\"web\"]"}),
        setting(&Notification::command,
                {.key = "command",
                 .title = "Command",
                 .help = "An executable file with its absolute path, and its arguments. It runs "
                         "without a shell, as a user without rights, and finds the event in the "
                         "variables `SHOAL_EVENT`, `SHOAL_VIRTUAL_SERVER`, `SHOAL_REAL_SERVER`, "
                         "`SHOAL_ADDRESS`, `SHOAL_REASON`, `SHOAL_TIME` and `SHOAL_DIRECTOR`.",
                 .effect = effect::next_event,
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "[\"/usr/local/bin/page-me\"]",
                 .form = TextForm::line}),
        setting(&Notification::webhook, {.key = "webhook",
                                         .title = "Webhook",
                                         .help = "A URL, `http://` or `https://`, that gets the "
                                                 "event as JSON by POST.",
                                         .effect = effect::next_event,
                                         .limits = {.most = max_line_length},
                                         .default_text = "none",
                                         .example = "\"https://pager.example.com/shoal\"",
                                         .form = TextForm::line}),
        setting(&Notification::mail_to, {.key = "mail_to",
                                         .title = "Mail to",
                                         .help = "Who gets a mail; with `mail_from` and "
                                                 "`mail_relay`.",
                                         .effect = effect::next_event,
                                         .limits = {.most = max_line_length},
                                         .default_text = "nobody",
                                         .example = "[\"ops@example.com\"]",
                                         .form = TextForm::line}),
        setting(&Notification::mail_from, {.key = "mail_from",
                                           .title = "Mail from",
                                           .help = "The sender of mails.",
                                           .effect = effect::next_event,
                                           .limits = {.most = max_line_length},
                                           .default_text = "none",
                                           .example = "\"shoal@example.com\"",
                                           .form = TextForm::line}),
        setting(&Notification::mail_relay, {.key = "mail_relay",
                                            .title = "Mail relay",
                                            .help = "The SMTP relay that takes the mails: an "
                                                    "address, with `:port` if it is not 25.",
                                            .effect = effect::next_event,
                                            .limits = {.most = max_line_length},
                                            .default_text = "none",
                                            .example = "\"10.11.12.25:25\"",
                                            .form = TextForm::line}),
    };
};

}  // namespace shoal::model

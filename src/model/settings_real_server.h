#pragma once

#include "model/schema.h"
#include "model/setting_effects.h"

// The settings of real servers and of their checks.

namespace shoal::model {

template <>
struct Schema<Monitor> {
    static constexpr Section section{
        "monitor", "[virtual_server.monitor]",
        "How the real servers are checked. Without this table a virtual server with protocol `tcp` "
        "and port 80 sends `GET / HTTP/1.0\\r\\n\\r\\n` and expects `HTTP`; any other one with "
        "protocol `tcp` is checked by opening the port. With protocol `udp` both `send` and "
        "`expect` are needed, because a UDP port cannot be opened."};
    static constexpr std::tuple settings{
        setting(&Monitor::enabled, {.key = "enabled",
                                    .title = "Check the real servers",
                                    .help = "`false`: nothing is checked, and every active real "
                                            "server counts as up.",
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
                         "enough that the port opens.",
                 .effect = effect::next_check,
                 .legacy = "expect",
                 .limits = {.most = max_exchange_length},
                 .default_text = "empty",
                 .example = "\"HTTP\"",
                 .form = TextForm::exchange}),
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

template <>
struct Schema<RealServer> {
    static constexpr Section section{"real server", "[[virtual_server.real_server]]",
                                     "A machine that does the work of its virtual server; at most "
                                     "4096 for each, and 256 with the schedulers `lblc`, `lblcr` "
                                     "and `twos`."};
    static constexpr std::tuple settings{
        setting(&RealServer::name, {.key = "name",
                                    .title = "Name",
                                    .help = "A descriptive name, once in its virtual server.",
                                    .effect = effect::renamed,
                                    .legacy = "server NAME {",
                                    .example = "\"web-1\"",
                                    .required = true}),
        setting(&RealServer::address, {.key = "address",
                                       .title = "Address",
                                       .help = "Its IPv4 or IPv6 address.",
                                       .effect = effect::another_server,
                                       .legacy = "address",
                                       .example = "\"10.11.12.1\"",
                                       .required = true}),
        setting(&RealServer::port,
                {.key = "port",
                 .title = "Port",
                 .help = "Where its service listens. Only NAT can lead to another port than the "
                         "virtual server's, and only where that has one port; of a firewall mark, "
                         "the packets to all of its ports then go to this one.",
                 .effect = effect::another_server,
                 .legacy = "port",
                 .limits = {.least = 1, .most = 65'535},
                 .default_text = "the one the packet came with",
                 .example = "8080"}),
        setting(&RealServer::weight,
                {.key = "weight",
                 .title = "Weight",
                 .help = "Its capacity in relation to the others. With 0 it gets no new connection "
                         "and keeps those it has.",
                 .effect = effect::new_connections,
                 .legacy = "weight",
                 .limits = {.least = 0, .most = 65'535}}),
        setting(&RealServer::active, {.key = "active",
                                      .title = "Status",
                                      .help = "`false`: it is neither checked nor used.",
                                      .effect = "At once: it leaves or joins the pool.",
                                      .legacy = "active"}),
        setting(&RealServer::upper_threshold,
                {.key = "upper_threshold",
                 .title = "Upper threshold",
                 .help = "With this many connections, active and inactive together, it gets no "
                         "more. 0: there is no limit.",
                 .effect = effect::new_connections,
                 .limits = {.least = 0, .most = 2'147'483'647}}),
        setting(&RealServer::lower_threshold,
                {.key = "lower_threshold",
                 .title = "Lower threshold",
                 .help = "Once full, it gets connections again when it has fewer than this; not "
                         "above the upper threshold. 0: fewer than three quarters of the upper "
                         "one.",
                 .effect = effect::new_connections,
                 .limits = {.least = 0, .most = 2'147'483'647}}),
        setting(&RealServer::network_type, {.key = "network_type",
                                            .title = "Use network type",
                                            .help = "How packets reach this real server.",
                                            .effect = effect::new_connections,
                                            .default_text = "the virtual server's",
                                            .example = "\"direct\""}),
        setting(&RealServer::tunnel_type,
                {.key = "tunnel_type",
                 .title = "Tunnel type",
                 .help = "What is put before the packets to this real server; with tunneling.",
                 .effect = effect::at_once,
                 .default_text = "the virtual server's",
                 .example = "\"gre\""}),
        setting(&RealServer::tunnel_port,
                {.key = "tunnel_port",
                 .title = "Tunnel port",
                 .help = "Where this real server takes GUE, a UDP port; with `tunnel_type` `gue`.",
                 .effect = effect::at_once,
                 .limits = {.least = 1, .most = 65'535},
                 .default_text = "the virtual server's",
                 .example = "6080"}),
    };
};

template <>
struct Schema<SorryServer> {
    static constexpr Section section{
        "sorry server", "sorry_server = { ... }",
        "The machine that serves, with a page that says so, exactly while no real server of its "
        "virtual server is usable. It is not checked. `sorry_server = \"10.11.12.9\"` means a "
        "table with this `address` alone."};
    static constexpr std::tuple settings{
        setting(&SorryServer::address, {.key = "address",
                                        .title = "Sorry Server",
                                        .help = "Its IPv4 or IPv6 address.",
                                        .effect = effect::another_server,
                                        .legacy = "sorry_server",
                                        .example = "\"10.11.12.9\"",
                                        .required = true}),
        setting(&SorryServer::port, {.key = "port",
                                     .title = "Port",
                                     .help = "Where its service listens; as with a real server.",
                                     .effect = effect::another_server,
                                     .limits = {.least = 1, .most = 65'535},
                                     .default_text = "the one the packet came with",
                                     .example = "8080"}),
        setting(&SorryServer::network_type, {.key = "network_type",
                                             .title = "Use network type",
                                             .help = "How packets reach it.",
                                             .effect = effect::new_connections,
                                             .default_text = "the virtual server's",
                                             .example = "\"direct\""}),
    };
};

}  // namespace shoal::model

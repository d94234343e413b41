#pragma once

#include "model/schema.h"
#include "model/setting_effects.h"

// The settings of real servers and of their checks.

namespace shoal::model {

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
        setting(&RealServer::monitor,
                {.key = "monitor",
                 .title = "MONITORING SCRIPTS of this real server",
                 .help = "What is checked otherwise than at the other real servers.",
                 .effect = effect::next_check,
                 .default_text = "as the virtual server's",
                 .example = "{ port = 8081 }"}),
    };
};

template <>
struct Schema<SorryServer> {
    static constexpr Section section{"sorry server", "sorry_server = { ... }",
                                     "The machine that serves, with a page that says so, exactly "
                                     "while fewer real servers of its "
                                     "virtual server are usable than its `quorum`. It is not "
                                     "checked. `sorry_server = \"10.11.12.9\"` means a "
                                     "table with this `address` alone."};
    static constexpr ShortForm short_form{&SorryServer::address, "an address"};
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

#pragma once

#include "model/schema.h"
#include "model/text.h"

// Every setting, described once. The order here is the order of the reference page and of forms.

namespace shoal::model {

namespace effect {
inline constexpr std::string_view at_once = "At once; connections stay.";
inline constexpr std::string_view next_check = "From the next check on; connections stay.";
inline constexpr std::string_view new_connections =
    "At once for new connections; existing ones stay as they are.";
inline constexpr std::string_view another_service =
    "It becomes another virtual server: connections of the old one end.";
inline constexpr std::string_view renamed = "Connections stay; the checks begin anew.";
inline constexpr std::string_view another_server =
    "It becomes another real server: connections of the old one end.";
inline constexpr std::string_view hooks =
    "At once; the new hook is attached before the old one is taken away.";
inline constexpr std::string_view timeout = "At once, for existing connections too.";
}  // namespace effect

template <>
struct Schema<NatRouter> {
    static constexpr Section section{
        "NAT router", "nat_router = { ... }",
        "The floating private address that real servers behind NAT have as their default gateway. "
        "Leave it out where the gateway address is not the director's to manage."};
    static constexpr std::tuple settings{
        setting(&NatRouter::address,
                {.key = "address",
                 .title = "NAT Router IP",
                 .help = "The address, with the length of its network after the slash.",
                 .effect = "At once: the old address goes, the new one comes and is announced.",
                 .legacy = "nat_router (first word), nat_nmask",
                 .example = "\"10.11.12.254/24\"",
                 .required = true}),
        setting(&NatRouter::device,
                {.key = "device",
                 .title = "NAT Router device",
                 .help = "The device of the private network, with the alias label of the address.",
                 .effect = "At once: the address moves.",
                 .legacy = "nat_router (second word)",
                 .example = "\"lan0:1\"",
                 .required = true}),
    };
};

consteval auto state_timeout(milliseconds ConnectionTimeouts::* member, std::string_view key,
                             std::string_view title, std::string_view help,
                             std::string_view legacy = {}) {
    return setting(member, {.key = key,
                            .title = title,
                            .help = help,
                            .effect = effect::timeout,
                            .legacy = legacy,
                            .limits = {.least = 100, .most = 7 * 86'400'000}});
}

template <>
struct Schema<ConnectionTimeouts> {
    static constexpr Section section{
        "connection timeouts", "[global.timeouts]",
        "How long a connection without packets is remembered, by its state. The states and the "
        "defaults are those of IPVS."};

    static constexpr std::tuple settings{
        state_timeout(&ConnectionTimeouts::none, "none", "NONE timeout",
                      "No packet has been classified yet."),
        state_timeout(&ConnectionTimeouts::established, "established", "TCP timeout",
                      "TCP: open in both directions.", "tcp_timeout"),
        state_timeout(&ConnectionTimeouts::syn_sent, "syn_sent", "SYN_SENT timeout",
                      "TCP: the real server opened the connection and has no answer yet."),
        state_timeout(&ConnectionTimeouts::syn_recv, "syn_recv", "SYN_RECV timeout",
                      "TCP: the client's SYN was passed on, the handshake is not complete."),
        state_timeout(&ConnectionTimeouts::fin_wait, "fin_wait", "TCP FIN timeout",
                      "TCP: one side has closed.", "tcpfin_timeout"),
        state_timeout(&ConnectionTimeouts::time_wait, "time_wait", "TIME_WAIT timeout",
                      "TCP: both sides have closed; late packets may still come."),
        state_timeout(&ConnectionTimeouts::close, "close", "CLOSE timeout",
                      "TCP: ended by a reset."),
        state_timeout(&ConnectionTimeouts::close_wait, "close_wait", "CLOSE_WAIT timeout",
                      "TCP: the client has closed, the real server not yet."),
        state_timeout(&ConnectionTimeouts::last_ack, "last_ack", "LAST_ACK timeout",
                      "TCP: only the last acknowledgement is missing."),
        state_timeout(&ConnectionTimeouts::listen, "listen", "LISTEN timeout",
                      "TCP: IPVS's state of a connection whose opening has not been seen."),
        state_timeout(&ConnectionTimeouts::synack, "synack", "SYNACK timeout",
                      "TCP: the answer to the SYN was seen from the wrong side."),
        state_timeout(&ConnectionTimeouts::udp, "udp", "UDP timeout",
                      "UDP: since the last datagram.", "udp_timeout"),
    };
};

template <>
struct Schema<Global> {
    static constexpr Section section{"[global]", "[global]", "What holds for the whole director."};
    static constexpr std::tuple settings{
        setting(&Global::name, {.key = "name",
                                .title = "Name",
                                .help = "What this director is called in status and logs. It need "
                                        "not be a host name.",
                                .effect = effect::at_once}),
        setting(
            &Global::network_type,
            {.key = "network_type",
             .title = "Use network type",
             .help = "How packets reach the real servers: `nat` rewrites addresses and needs the "
                     "answers to come back through the director; `direct` changes only the "
                     "Ethernet address, and the real servers answer the client themselves. A "
                     "virtual server or a real server may differ.",
             .effect = effect::new_connections,
             .legacy = "network"}),
        setting(&Global::nat_router, {.key = "nat_router",
                                      .title = "NAT Router",
                                      .help = "The floating private address of NAT: a table with "
                                              "`address` and `device`.",
                                      .effect = "At once.",
                                      .legacy = "nat_router, nat_nmask",
                                      .default_text = "none",
                                      .example = "{ address = \"10.11.12.254/24\", device = "
                                                 "\"lan0:1\" }"}),
        setting(&Global::hook, {.key = "hook",
                                .title = "Hook",
                                .help = "Where packets are taken from a device, unless a "
                                        "`[[device]]` says otherwise. `auto` takes XDP where the "
                                        "driver does it natively, else tc; `shoal status` says "
                                        "which and why.",
                                .effect = effect::hooks}),
        setting(
            &Global::table_size,
            {.key = "table_size",
             .title = "Connection table size",
             .help = "How many connections fit. Each takes 64 bytes and 16 more of index; when "
                     "the table is full, new connections are refused and counted, existing ones "
                     "go on.",
             .effect = "After `shoal stop` and a new start; until then the table keeps its size.",
             .limits = {.least = 1 << 10, .most = 1 << 24, .power_of_two = true}}),
        setting(
            &Global::manage_sysctl,
            {.key = "manage_sysctl",
             .title = "Set kernel parameters",
             .help = "Whether shoald sets ip_forward and the other kernel parameters that it "
                     "needs, and puts them back at `shoal stop`. Otherwise `shoal status` names "
                     "those that are wrong.",
             .effect = effect::at_once}),
        setting(&Global::timeouts, {.key = "timeouts",
                                    .title = "Connection timeouts",
                                    .help = "How long idle connections are remembered, by state.",
                                    .effect = effect::timeout,
                                    .legacy = "tcp_timeout, tcpfin_timeout, udp_timeout",
                                    .default_text = "IPVS's",
                                    .example = "{ established = \"15m\" }"}),
    };
};

template <>
struct Schema<Device> {
    static constexpr Section section{"device", "[[device]]",
                                     "A network device that is treated otherwise than "
                                     "`[global]` says."};
    static constexpr std::tuple settings{
        setting(&Device::name, {.key = "name",
                                .title = "Device",
                                .help = "The name of the device, without an alias.",
                                .effect = effect::hooks,
                                .example = "\"wan0\"",
                                .required = true,
                                .form = TextForm::device_name}),
        setting(&Device::hook, {.key = "hook",
                                .title = "Hook",
                                .help = "Where packets are taken from this device.",
                                .effect = effect::hooks}),
    };
};

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
                                     "256 for each."};
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
                                       .help = "Its IPv4 address.",
                                       .effect = effect::another_server,
                                       .legacy = "address",
                                       .example = "\"10.11.12.1\"",
                                       .required = true}),
        setting(&RealServer::port,
                {.key = "port",
                 .title = "Port",
                 .help = "Where its service listens. Only NAT can lead to another port than the "
                         "virtual server's.",
                 .effect = effect::another_server,
                 .legacy = "port",
                 .limits = {.least = 1, .most = 65'535},
                 .default_text = "the virtual server's",
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
        setting(&RealServer::network_type, {.key = "network_type",
                                            .title = "Use network type",
                                            .help = "How packets reach this real server.",
                                            .effect = effect::new_connections,
                                            .default_text = "the virtual server's",
                                            .example = "\"direct\""}),
    };
};

template <>
struct Schema<VirtualServer> {
    static constexpr Section section{
        "virtual server", "[[virtual_server]]",
        "One service under one virtual address. Several may share an address, each with another "
        "port or protocol; their `address` and `device` must then be the same."};
    static constexpr std::tuple settings{
        setting(&VirtualServer::name,
                {.key = "name",
                 .title = "Name",
                 .help = "A descriptive name, once in the file. It need not be "
                         "a host name.",
                 .effect = effect::renamed,
                 .legacy = "virtual NAME {",
                 .example = "\"web\"",
                 .required = true}),
        setting(&VirtualServer::active, {.key = "active",
                                         .title = "Status",
                                         .help = "`false`: it stands in the file and does nothing.",
                                         .effect = "At once; with `false` its connections end.",
                                         .legacy = "active"}),
        setting(
            &VirtualServer::address,
            {.key = "address",
             .title = "Virtual IP Address",
             .help = "The floating IPv4 address that clients use, with the length of its network "
                     "after the slash. Without a length it is 32.",
             .effect = effect::another_service,
             .legacy = "address (first word), vip_nmask",
             .example = "\"192.0.2.80/24\"",
             .required = true}),
        setting(&VirtualServer::device,
                {.key = "device",
                 .title = "Device",
                 .help = "The network device that gets the address, with the alias label it gets "
                         "there: at most 15 characters.",
                 .effect = "At once: the address moves and is announced; connections stay.",
                 .legacy = "address (second word)",
                 .example = "\"wan0:1\"",
                 .required = true}),
        setting(&VirtualServer::protocol, {.key = "protocol",
                                           .title = "Protocol",
                                           .help = "The protocol of the service.",
                                           .effect = effect::another_service,
                                           .legacy = "protocol"}),
        setting(&VirtualServer::port, {.key = "port",
                                       .title = "Application port",
                                       .help = "The port that clients use.",
                                       .effect = effect::another_service,
                                       .legacy = "port",
                                       .limits = {.least = 1, .most = 65'535}}),
        setting(&VirtualServer::scheduler,
                {.key = "scheduler",
                 .title = "Scheduling",
                 .help = "Which real server gets the next connection: `rr` one after the other, "
                         "`wrr` the same in the ratio of the weights, `lc` the one with the fewest "
                         "connections, `wlc` the one with the fewest in relation to its weight.",
                 .effect = effect::new_connections,
                 .legacy = "scheduler"}),
        setting(&VirtualServer::network_type, {.key = "network_type",
                                               .title = "Use network type",
                                               .help = "How packets reach its real servers.",
                                               .effect = effect::new_connections,
                                               .default_text = "that of `[global]`",
                                               .example = "\"direct\""}),
        setting(
            &VirtualServer::service_timeout,
            {.key = "service_timeout",
             .title = "Service timeout",
             .help = "How long a real server may be silent before it is taken out. Two definite "
                     "failures in a row (refused, reset, wrong answer) take it out at once.",
             .effect = effect::next_check,
             .legacy = "timeout",
             .limits = {.least = 100, .most = 3'600'000}}),
        setting(&VirtualServer::reentry_time,
                {.key = "reentry_time",
                 .title = "Re-entry Time",
                 .help = "How long a real server that failed must answer every check before it is "
                         "brought back.",
                 .effect = effect::next_check,
                 .legacy = "reentry",
                 .limits = {.least = 0, .most = 86'400'000}}),
        setting(&VirtualServer::monitor, {.key = "monitor",
                                          .title = "MONITORING SCRIPTS",
                                          .help = "How the real servers are checked.",
                                          .effect = effect::next_check,
                                          .legacy = "send, expect",
                                          .default_text = "by protocol and port, see below",
                                          .example = "{ send = 'QUIT\\r\\n', expect = \"220\" }"}),
        setting(&VirtualServer::real_servers,
                {.key = "real_server",
                 .title = "REAL SERVER",
                 .help = "The machines that do the work.",
                 .effect = "At once; connections of those that stay are not touched.",
                 .legacy = "server NAME {",
                 .default_text = "none",
                 .example = "[{ name = \"web-1\", address = \"10.11.12.1\" }]"}),
    };
};

template <>
struct Schema<Configuration> {
    static constexpr Section section{"the file", "the file", "The tables of shoal.toml."};
    static constexpr std::tuple settings{
        setting(&Configuration::global, {.key = "global",
                                         .title = "GLOBAL SETTINGS",
                                         .help = "What holds for the whole director.",
                                         .effect = "See each setting.",
                                         .default_text = "see each setting",
                                         .example = "{ name = \"director-1\" }"}),
        setting(&Configuration::devices,
                {.key = "device",
                 .title = "DEVICES",
                 .help = "Network devices that need a setting of their own.",
                 .effect = effect::hooks,
                 .default_text = "none",
                 .example = "[{ name = \"wan0\", hook = \"tc\" }]"}),
        setting(
            &Configuration::virtual_servers,
            {.key = "virtual_server",
             .title = "VIRTUAL SERVERS",
             .help = "The services.",
             .effect = "At once; connections of those that stay are not touched.",
             .legacy = "virtual NAME {",
             .default_text = "none",
             .example = "[{ name = \"web\", address = \"192.0.2.80/24\", device = \"wan0:1\" }]"}),
    };
};

}  // namespace shoal::model

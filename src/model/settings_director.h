#pragma once

#include "model/schema.h"
#include "model/setting_effects.h"

// The settings of the director as a whole.

namespace shoal::model {

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
                     "Ethernet address, `tunnel` sends the packet in another one, to real servers "
                     "anywhere, and with both the real servers answer the client themselves. A "
                     "virtual server or a real server may differ. A real server whose address is "
                     "the director's own gets the packets as they are.",
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
             .help = "How many connections fit. Each takes at most 110 bytes, index and all. When "
                     "the table is full, half-open connections make room, then clients are "
                     "served without a record where that is possible; else new connections are "
                     "refused and counted. Established ones go on.",
             .effect =
                 "At once: the connections move to a table of the new size, and both stand in "
                 "memory until they have. Refused where the new one is too small for them.",
             .limits = {.least = 1 << 10, .most = 1 << 24, .power_of_two = true}}),
        setting(
            &Global::manage_sysctl,
            {.key = "manage_sysctl",
             .title = "Set kernel parameters",
             .help = "Whether shoald sets ip_forward and the other kernel parameters that it "
                     "needs, and puts them back at `shoal stop`. Otherwise `shoal status` names "
                     "those that are wrong.",
             .effect = effect::at_once}),
        setting(
            &Global::secure_tcp,
            {.key = "secure_tcp",
             .title = "Secure TCP",
             .help =
                 "IPVS's defence of that name against floods of half-open connections: behind NAT, "
                 "the client's acknowledgement alone does not make a TCP connection "
                 "established; a packet of the real server does.",
             .effect = "At once: existing connections follow it from their next packet on."}),
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

}  // namespace shoal::model

#pragma once

#include "model/schema.h"
#include "model/setting_effects.h"

// The settings of virtual servers and of firewall marks.

namespace shoal::model {

template <>
struct Schema<MarkRule> {
    static constexpr Section section{
        "mark rule", "[[mark]]",
        "Packets that get a firewall mark, so that virtual servers can take them with "
        "`firewall_mark`. Several tables may have one value; no port may be in two. Shoal does "
        "this by itself: no iptables rule is needed, and none is looked at."};
    static constexpr std::tuple settings{
        setting(&MarkRule::value, {.key = "value",
                                   .title = "Firewall Mark",
                                   .help = "The mark.",
                                   .effect = effect::another_service,
                                   .limits = {.least = 1, .most = 4'294'967'295},
                                   .example = "80",
                                   .required = true}),
        setting(&MarkRule::address, {.key = "address",
                                     .title = "Virtual IP Address",
                                     .help = "The destination of the packets: the address of a "
                                             "virtual server, without a length.",
                                     .effect = effect::mark_ports,
                                     .example = "\"192.0.2.80\"",
                                     .required = true}),
        setting(&MarkRule::protocol, {.key = "protocol",
                                      .title = "Protocol",
                                      .help = "The protocol of the packets.",
                                      .effect = effect::mark_ports}),
        setting(&MarkRule::ports,
                {.key = "ports",
                 .title = "Ports",
                 .help = "Their destination ports: one port, a range, or a list of both; `0` is "
                         "every port. The first one is checked where nothing else is said.",
                 .effect = effect::mark_ports,
                 .limits = {.least = 0, .most = 65'535},
                 .example = "[80, 443]",
                 .required = true}),
    };
};

template <>
struct Schema<VirtualServer> {
    static constexpr Section section{
        "virtual server", "[[virtual_server]]",
        "One service under one virtual address. Several may share an address, each with another "
        "port or protocol; their `address` and `device` must then be the same. Where a packet fits "
        "several, a firewall mark comes first, then a single port or a range, then port 0. A "
        "persistent one with TCP port 21, which is FTP, also takes what comes to the ports 20 and "
        "1024 to 65535 and fits no other port or range."};
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
             .help = "The floating address that clients use, with the length of its network "
                     "after the slash. Without a length it is 32, of IPv6 128. IPv6 addresses are "
                     "added without duplicate address detection.",
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
        setting(
            &VirtualServer::port,
            {.key = "port",
             .title = "Application port",
             .help = "The port that clients use; or a range of ports, `\"8000-8100\"`; or `0` for "
                     "every port that no other virtual server of the address has, which needs "
                     "`persistence`. With `firewall_mark` it selects no packets: it is the port "
                     "that is checked.",
             .effect = effect::another_service,
             .legacy = "port",
             .limits = {.least = 0, .most = 65'535},
             .default_text = "`80`; with `firewall_mark` the first port of the mark"}),
        setting(&VirtualServer::firewall_mark,
                {.key = "firewall_mark",
                 .title = "Firewall Mark",
                 .help = "Takes the packets of every `[[mark]]` with this value, instead of those "
                         "to `port`: several ports become one virtual server, and with "
                         "`persistence` a client stays with one real server on all of them. "
                         "Virtual servers with the same mark are one: their real servers are "
                         "united, each is checked as every one of them says, and scheduling and "
                         "persistence must be the same in all. No firewall is needed.",
                 .effect = effect::another_service,
                 .legacy = "fwmark",
                 .limits = {.least = 1, .most = 4'294'967'295},
                 .default_text = "none",
                 .example = "80"}),
        setting(
            &VirtualServer::scheduler,
            {.key = "scheduler",
             .title = "Scheduling",
             .help =
                 "Which real server gets the next connection. `rr`: one after the other. `wrr`: "
                 "the same, in the ratio of the weights. `lc`: the one with the fewest connections "
                 "(an active one counts as 256 inactive ones). `wlc`: the fewest in relation to "
                 "the weight. `sed`: the one where (active + 1) / weight is smallest. `nq`: one "
                 "that is idle, else as `sed`. `fo`: all to the highest weight, the next one only "
                 "when that fails. `ovf`: all to the highest weight until it has as many active "
                 "connections as its weight, then to the next. `sh`: always the same one for a "
                 "client's address, in the ratio of the weights. `mh`: the same with Maglev's "
                 "table, which moves few clients when a real server comes or goes. `dh`: always "
                 "the same one for a destination address. `lblc`: for caches: the one that serves "
                 "this destination address already, unless it is overloaded. `lblcr`: the same "
                 "with a set of real servers for each destination. `twos`: of two random ones, by "
                 "weight, the less loaded.",
             .effect = effect::new_connections,
             .legacy = "scheduler"}),
        setting(&VirtualServer::scheduler_flags,
                {.key = "scheduler_flags",
                 .title = "Scheduler flags",
                 .help = "Of `sh` and `mh`. `sh-port`, `mh-port`: the client's port counts too, "
                         "so that the connections of one client are spread. `sh-fallback`, "
                         "`mh-fallback`: where the real server of a client is unusable another one "
                         "takes its place; otherwise the connection is refused.",
                 .effect = effect::new_connections,
                 .default_text = "none",
                 .example = "[\"sh-port\", \"sh-fallback\"]"}),
        setting(&VirtualServer::mh_table_size,
                {.key = "mh_table_size",
                 .title = "Maglev table size",
                 .help = "Slots in the table of `mh`. A larger one follows the weights more "
                         "exactly; a hundred times the number of real servers is plenty.",
                 .effect = effect::new_connections,
                 .limits = {.least = 251, .most = 131'071, .only = mh_table_sizes}}),
        setting(&VirtualServer::persistence,
                {.key = "persistence",
                 .title = "Persistence",
                 .help = "How long a client goes back to the same real server, counted from the "
                         "beginning of its last connection; as long as one is open it does so in "
                         "any case. Without it each connection is scheduled by itself.",
                 .effect = effect::new_connections,
                 .legacy = "persistent",
                 .limits = {.least = 1'000, .most = 31LL * 86'400'000},
                 .default_text = "none",
                 .example = "\"5m\""}),
        setting(&VirtualServer::persistence_netmask,
                {.key = "persistence_netmask",
                 .title = "Persistence Network Mask",
                 .help = "Clients whose addresses agree under this mask count as one client.",
                 .effect = effect::new_connections,
                 .legacy = "pmask",
                 .limits = {.least = 1, .most = 128},
                 .default_text = "32, of IPv6 128: each address is a client",
                 .example = "24"}),
        setting(&VirtualServer::keep_quiesced_clients,
                {.key = "keep_quiesced_clients",
                 .title = "Keep clients of quiesced servers",
                 .help = "`true`: a persistent client stays with its real server also while that "
                         "has weight 0, as IPVS does by default. `false`: its next connection is "
                         "scheduled afresh.",
                 .effect = effect::new_connections}),
        setting(&VirtualServer::one_packet,
                {.key = "one_packet",
                 .title = "One-packet scheduling",
                 .help = "Each UDP datagram is scheduled by itself and no connection is "
                         "remembered. Only without NAT, whose answers need the connection, and "
                         "without persistence.",
                 .effect = effect::new_connections}),
        setting(
            &VirtualServer::quiesce_server,
            {.key = "quiesce_server",
             .title = "Quiesce server",
             .help = "`true`: when a real server comes, or comes back, all count as freshly added "
                     "for `lc`, `wlc`, `sed`, `nq` and the like, so that the newcomer is not "
                     "flooded. What becomes of a real server that fails is said by "
                     "`on_failure`.",
             .effect = "From the next real server that comes on.",
             .legacy = "quiesce_server (with on_failure)"}),
        setting(&VirtualServer::on_failure,
                {.key = "on_failure",
                 .title = "When a real server fails",
                 .help = "`remove`: it leaves the pool, and its connections end. `drain`: it stays "
                         "with weight 0: it gets no new connections, and those it has go on.",
                 .effect = "From the next failure on.",
                 .legacy = "quiesce_server (1: drain)"}),
        setting(&VirtualServer::removed_connections,
                {.key = "removed_connections",
                 .title = "Connections of a removed server",
                 .help = "What becomes of the connections of a real server that is taken out: "
                         "`end`: a TCP connection is reset at its next packet, a UDP one is "
                         "scheduled afresh. `keep`: they go on until they end by themselves.",
                 .effect = "From the next removal on."}),
        setting(&VirtualServer::sorry_server,
                {.key = "sorry_server",
                 .title = "Sorry Server",
                 .help = "The machine that serves exactly while no real server is usable: its "
                         "address, or a table.",
                 .effect = effect::new_connections,
                 .legacy = "sorry_server",
                 .default_text = "none",
                 .example = "\"10.11.12.9\""}),
        setting(&VirtualServer::allow,
                {.key = "allow",
                 .title = "Allowed clients",
                 .help = "Networks whose clients may open connections; where it is set, all others "
                         "may not. Of all networks in `allow` and `deny` that hold a client, the "
                         "smallest decides. A firewall of this machine does not see the packets "
                         "of virtual servers.",
                 .effect = effect::new_connections,
                 .default_text = "all",
                 .example = "[\"10.0.0.0/8\"]",
                 .form = TextForm::network}),
        setting(&VirtualServer::deny,
                {.key = "deny",
                 .title = "Denied clients",
                 .help = "Networks whose clients may not open connections, see `allow`.",
                 .effect = effect::new_connections,
                 .default_text = "none",
                 .example = "[\"10.66.0.0/16\"]",
                 .form = TextForm::network}),
        setting(&VirtualServer::network_type, {.key = "network_type",
                                               .title = "Use network type",
                                               .help = "How packets reach its real servers.",
                                               .effect = effect::new_connections,
                                               .default_text = "that of `[global]`",
                                               .example = "\"direct\""}),
        setting(&VirtualServer::tunnel_type,
                {.key = "tunnel_type",
                 .title = "Tunnel type",
                 .help = "What tunneling puts before a packet: `ipip` an IP header, `gre` that and "
                         "GRE, `gue` that, UDP and GUE. A real server may differ; its kernel needs "
                         "the device that takes such packets (ipip, gre, fou).",
                 .effect = effect::at_once,
                 .default_text = "`ipip`",
                 .example = "\"gue\""}),
        setting(&VirtualServer::tunnel_port,
                {.key = "tunnel_port",
                 .title = "Tunnel port",
                 .help = "Where the real servers take GUE, a UDP port; with `tunnel_type` `gue`.",
                 .effect = effect::at_once,
                 .limits = {.least = 1, .most = 65'535},
                 .default_text = "6080",
                 .example = "6080"}),
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
        setting(&VirtualServer::slow_start,
                {.key = "slow_start",
                 .title = "Slow start",
                 .help = "The time over which a real server that comes back reaches its weight; 0: "
                         "at once.",
                 .effect = "From the next real server that comes back on.",
                 .limits = {.least = 0, .most = 3'600'000}}),
        setting(&VirtualServer::flap_damping,
                {.key = "flap_damping",
                 .title = "Flap damping",
                 .help = "The longest re-entry time of a real server that fails again and again: "
                         "it is doubled with each failure, and is as before once the server has "
                         "stayed up for this long. 0: it is always the same.",
                 .effect = effect::next_check,
                 .limits = {.least = 0, .most = 86'400'000}}),
        setting(&VirtualServer::quorum,
                {.key = "quorum",
                 .title = "Quorum",
                 .help = "With fewer usable real servers than this the virtual server has lost its "
                         "quorum: it is reported, and the sorry server serves, if there is one.",
                 .effect = effect::new_connections,
                 .limits = {.least = 1, .most = 4'096}}),
        setting(&VirtualServer::quorum_hysteresis,
                {.key = "quorum_hysteresis",
                 .title = "Quorum hysteresis",
                 .help = "How many real servers more than the quorum must be usable before a lost "
                         "quorum is regained.",
                 .effect = effect::new_connections,
                 .limits = {.least = 0, .most = 4'096}}),
        setting(&VirtualServer::monitor, {.key = "monitor",
                                          .title = "MONITORING SCRIPTS",
                                          .help = "How the real servers are checked.",
                                          .effect = effect::next_check,
                                          .legacy = "send, expect",
                                          .default_text = "by protocol and port, see below",
                                          .example = "{ send = 'QUIT\\r\\n', expect = \"220\" }"}),
        setting(&VirtualServer::load_monitor,
                {.key = "load_monitor",
                 .title = "Load monitoring tool",
                 .help = "Where the loads of the real servers come from, and how they become "
                         "weights. `load_monitor = \"rup\"` means a table with this `tool` alone.",
                 .effect = effect::next_load,
                 .legacy = "load_monitor",
                 .default_text = "none: the weights stay as they are",
                 .example = "\"rup\""}),
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

}  // namespace shoal::model

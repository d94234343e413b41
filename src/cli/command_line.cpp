#include "cli/command_line.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <functional>

#include "cli/remote.h"

// The only file that includes CLI11: the arguments, and the help that teaches them.

namespace shoal::cli {

namespace {

constexpr auto about =
    R"(Shoal, a Linux virtual server router: the command that talks to the director.

The director (the program shoald) owns virtual IP addresses and spreads the connections that
reach them over real servers. A virtual server is an address, a protocol and a port; its real
servers are the machines that do the work; its scheduler chooses one for each new connection.)";

constexpr auto examples = R"(A first session:
  shoal check shoal.toml          is the file right? (needs no shoald)
  shoal plan shoal.toml           what would it change?
  shoal apply shoal.toml          put it in force
  shoal status                    who is up, who has how many connections
  watch -n 1 shoal status         the same, live

Exit status: 0 done; 1 the configuration has problems, or shoald refused or failed;
2 wrong usage, an unreadable file, or shoald cannot be reached.
"shoal COMMAND --help" explains a command and its words.)";

constexpr auto check_help =
    R"(Says every problem of a configuration file at once, each with its line, its column, what is
wrong and what would be right. A good file may get notes: what is left to do elsewhere, such as
on FTP servers, or is probably missing. Nothing is changed, and shoald need not run.

Examples:
  shoal check shoal.toml
  shoal check --no-system shoal.toml    for another machine: its devices are not looked for here
  shoal check --json shoal.toml         {"good": false, "problems": [{"line": 3, ...}]}

Exit status: 0 the file is good (with notes or without), 1 it has problems, 2 it cannot be read.)";

constexpr auto plan_help =
    R"(Says what `shoal apply FILE` would change: each setting that differs from the configuration in
force, and what that means for clients, from what runs now. Nothing is changed. "About 20 % of new
connections move" is what the scheduler makes of the weights; with sh and mh it is the part of the
clients that another real server gets. The docs tell more (planning-changes.md).

Examples:
  shoal plan shoal.toml
  shoal plan shoal.toml --json     with shares, counts and values

Exit status: 0 whether there are changes or not, 1 the file has problems, 2 it cannot be read, or
shoald cannot be reached.)";

constexpr auto apply_help =
    R"(Checks the file and puts it in force as a whole; a file with problems changes nothing. What did
not change in it goes on undisturbed: connections stay, checks keep their timing. It is recorded as
a revision, read back from the kernel, and, where the kernel refuses a part of it, taken back as a
whole; each refusal is said. shoald writes the file as its own and starts with it the next time.
Needs root.

With --confirm the revision is on trial: it is taken back after that time unless `shoal confirm`
comes, also if shoald or the machine was restarted in between. shoald's own file is written only when
it is confirmed. With --expect the file is refused if another revision than N is in force, and the
settings are named that you and somebody else changed.

Examples:
  shoal apply shoal.toml --comment "web-4 is new"
  shoal apply shoal.toml --confirm 60s      and then: shoal confirm
  shoal apply shoal.toml --expect 41        only if nobody was faster)";

constexpr auto reload_help =
    R"(Puts shoald's own configuration file in force, after somebody edited it, as `systemctl reload
shoald` and SIGHUP do. `shoal diff file` shows before what it would change. Needs root.

Example:
  shoal reload)";

constexpr auto confirm_help =
    R"(The revision on trial stays in force. Needs root.

Example:
  shoal confirm)";

constexpr auto revert_help =
    R"(Takes the revision on trial back at once; the one before it is in force again. Needs root.

Example:
  shoal revert)";

constexpr auto revisions_help =
    R"(The configurations that were applied, newest first: who, when, and why. "file" is somebody who
edited the configuration file. "taken back" are those that the kernel did not take as a whole, that
nobody confirmed, or that were reverted. The last 200 are kept.

Examples:
  shoal revisions
  shoal revisions --json)";

constexpr auto diff_help =
    R"(The difference between revision N and what is in force, or between revisions N and M, in unified
form. N may be "file": what the configuration file would change, if it was edited.

Examples:
  shoal diff 41
  shoal diff 40 41
  shoal diff file)";

constexpr auto audit_help =
    R"(Every change that somebody made or tried to make by shoald's socket: who, when, what, and how it
ended. Each record holds the one before it by a hash, so that --verify finds records that were
changed, put in or taken out. The newest few megabytes are kept.

Examples:
  shoal audit
  shoal audit --verify      exit status 1 where the log is damaged)";

constexpr auto restore_help =
    R"(Applies the text of revision N again, as a new revision. Options as with `shoal apply`. Needs root.

Examples:
  shoal restore 40
  shoal restore 40 --confirm 60s)";

constexpr auto import_help =
    R"(Reads a configuration file of another program and prints it as shoal.toml, on standard output. What was
understood although its own program would have refused it, and what Shoal has no counterpart of, is
said on standard error, each with its line. Nothing is changed, and shoald need not run.

Formats:
  lvs.cf           Piranha
  keepalived       keepalived.conf, with the files that it includes
  ipvsadm          what `ipvsadm -Sn` prints
  iptables-save    what iptables-save and ip6tables-save print: rules that set marks, as [[mark]]

Examples:
  shoal import lvs.cf /etc/sysconfig/ha/lvs.cf > shoal.toml
  shoal import lvs.cf lvs.cf --json      {"good": true, "toml": "...", "remarks": [...]}

Exit status: 0 a configuration came out, 1 the file has problems, 2 it cannot be read.)";

constexpr auto export_help =
    R"(Prints a shoal.toml as a configuration file of another program, on standard output, and what that cannot
say on standard error.

Example:
  shoal export lvs.cf shoal.toml > lvs.cf

Exit status: 0 it was written, 1 the shoal.toml has problems, 2 it cannot be read.)";

constexpr auto status_help =
    R"(Forward     how packets reach the real server: Masq (NAT), Route (direct routing), Tunnel
Weight      its share of new connections, as it is in force; 0 gives it no new ones
Pers        clients that persistence binds to it; only where a virtual server is persistent
ActiveConn  established connections
InActConn   connections that are beginning or ending
Health      what the checks say, and since when; "off" where the file says active = false,
            "disabled" where an administrator did. A sorry server is not checked: "in use" while
            the quorum is lost, or "standby"
Hook        where packets are taken: xdp (in the driver, with tc behind it) or tc
Sweeper     the part of the kernel program that forgets connections when their time is over

Examples:
  shoal status
  shoal status --json
  watch -n 1 shoal status)";

constexpr auto health_help =
    R"(Each real server of each virtual server: how and where it is checked, its administrative state, what
the checks say and since when, how long the last check took and when the next one begins. Below
stands what the last check saw, with the beginning of what the server said; bytes that are no
printable ASCII are escaped.

Examples:
  shoal health
  shoal health web
  shoal health --json)";

constexpr auto connections_help =
    R"(Client, Virtual and Real are the three ends of a connection: who asked, which address was asked,
and which real server answers. State is the TCP state as the director sees it pass (or UDP).
TEMPLATE is not a connection but what persistence remembers: this client stays with this real
server. Expires is the time (minutes:seconds) after which the director forgets the connection, if
no packet comes.

The filters narrow the list together. ADDRESS may have a port, as in 192.0.2.80:80 or
[2001:db8::1]:80.

Examples:
  shoal connections --client 192.0.2.7
  shoal connections --virtual 192.0.2.80:80 --state ESTABLISHED
  shoal connections --real 10.11.12.1 --limit 20
  shoal connections --mark 80 --state TEMPLATE
  shoal connections --json)";

constexpr auto stats_help =
    R"(Counters since the virtual or real server was added: connections, packets and bytes in (from
clients) and out (to clients). Direct routing has no packets out: the answers do not pass here.
Below each, where there is traffic, stands what happens in one second now, as IPVS estimates it.
Below stands what became of all packets: every way out of the packet path has a name.

Examples:
  shoal stats
  shoal stats --drops      only what was dropped, and why
  shoal stats --drops --json)";

constexpr auto trace_help =
    R"(Shows packets as they pass, each with what became of it, also where tcpdump sees nothing (XDP): the
time, the hook and the device, both ends, the TCP flags, the verdict, and how it was sent on. Without
--verdict all but `foreign` and `passed_up` are shown. The filters narrow it together.

It costs nothing while it is off. While it is on, each CPU shows at most 10,000 packets a second;
what is left out is counted and said. It ends after --count packets, after --seconds, or with Ctrl-C.

Examples:
  shoal trace --client 192.0.2.7
  shoal trace --client 192.0.2.0/24 --virtual 192.0.2.80:80 --count 20
  shoal trace --verdict denied --seconds 10
  shoal trace --real 10.11.12.1 --json      one JSON object a line)";

constexpr auto explain_help =
    R"(Says what would become of a packet from CLIENT to VIP:PORT now, and why: the connection that it is
of, the virtual server, its access lists, persistence, the scheduler and whom it would choose, the
forwarding method and the next hop. No packet is sent and nothing is changed: it runs the packet
path's own functions on the tables as they are. With CLIENT:PORT a known connection is found; without
a port it is a new one.

Examples:
  shoal explain 192.0.2.7 192.0.2.80:80
  shoal explain 192.0.2.7:40000 192.0.2.80:53 --protocol udp)";

constexpr auto drain_help =
    R"(The real server gets no new connections; those that it has go on, and `shoal status` says how many
are left. Its checks go on. With --deadline it is put in maintenance then, or as soon as no
connection is left. With --for it is enabled again after that time, also if shoald was restarted
in between. With dh, and with sh and mh without their fallback flags, clients that hash to it find
nobody meanwhile, as with IPVS.

SERVER is VIRTUAL/REAL, by the names in the configuration; or give the two names one by one.

Examples:
  shoal drain web/web-1
  shoal drain web/web-1 --deadline 10m
  shoal drain web/web-1 --deadline 10m --for 2h)";

constexpr auto maintain_help =
    R"(As drain, and nobody is told when its checks fail: it may be rebooted. It is enabled again by
`shoal enable`, or by itself with --for. If its checks fail its connections are treated as
on_failure says.

Examples:
  shoal maintain web/web-1
  shoal maintain web/web-1 --for 30m)";

constexpr auto enable_help =
    R"(Ends draining, maintenance and disabling: the real server serves again as soon as its checks say
that it is up. With --for it is as it was before after that time.

Examples:
  shoal enable web/web-1
  shoal enable web/web-1 --for 5m      a trial)";

constexpr auto disable_help =
    R"(Takes the real server out of the pool at once: its connections end, and it is not checked. `drain`
is gentler. With --for it is enabled again after that time.

Examples:
  shoal disable web/web-1
  shoal disable web/web-1 --for 1h)";

constexpr auto check_now_help =
    R"(Checks a real server once, now, and shows what is sent, what comes back and when. It is the check of
the configuration, beside the regular ones; the real server's health is not changed by it. VIRTUAL and
REAL are the names in the configuration. The exit status is 0 if the real server answered well, else 1.

Examples:
  shoal check-now web web-1
  shoal check-now web web-1 --json      one JSON object a line)";

constexpr auto history_help =
    R"(How the counters of a real server, a virtual server or (without a name) the whole director went: what
came in a second, and how many connections there were at once. Each second is kept for 5 minutes, each
10 seconds for 2 hours, each 5 minutes for 7 days, of the first 1000 servers and of those that are asked
for; all of it ends with shoald. The course shows the highest of each part of the time; a blank is a
gap: shoald did not run or did not see it.

Examples:
  shoal history
  shoal history web
  shoal history web/web-1 --last 2h
  shoal history web --last 7d --json)";

constexpr auto events_help =
    R"(What happened: servers that failed or came back, quorums, states, configurations, starts of shoald.
The last 2000 events are kept, until shoald ends. With --follow it goes on with what happens, also after
shoald was restarted, and says where events were missed.

KIND is one or more, with commas between, of real-server-up, real-server-down, quorum-lost,
quorum-regained, state-changed, load-lost, configuration-applied and director-started.

Examples:
  shoal events
  shoal events --follow --virtual web
  shoal events --kind real-server-down,quorum-lost
  shoal events --follow --json               one JSON object a line, each with its id
  shoal events --after 1795442711-17)";

constexpr auto stop_help =
    R"(Takes the virtual addresses off, detaches the packet path, forgets all connections, puts changed
kernel settings back, and ends shoald: nothing stays behind. Needs root.

To restart or upgrade shoald without losing a packet do not use this: end or kill the process
and start it again; it takes the running data plane over.

Example:
  shoal stop)";

constexpr auto version_help = R"(Example:
  shoal version --json     {"shoal": "0.1.0", "shoald": "0.1.0"}; null where shoald does not run)";

/// What the arguments said: the options, and which command with what of its own.
struct Chosen {
    Options options;
    CheckOptions check;
    std::string file;
    ConversionOptions conversion;
    ChangeOptions change;
    DifferenceOptions difference;
    bool verify = false;
    ConnectionOptions connections;
    TraceOptions trace;
    ExplainOptions explain;
    StateOptions state;
    std::optional<std::string> virtual_server;
    CheckNowOptions check_now;
    HistoryOptions history;
    EventOptions events;
    bool drops = false;
    std::function<int(const Console&)> run;
};

CLI::App* add_command(CLI::App& app, Chosen& chosen, const std::string& name,
                      const std::string& summary, const char* help,
                      std::function<int(const Console&)> run) {
    auto* command = app.add_subcommand(name, summary)->footer(help)->fallthrough();
    command->final_callback([&chosen, run = std::move(run)] { chosen.run = run; });
    return command;
}

void add_change_options(CLI::App& command, ChangeOptions& wanted) {
    command.add_option("--comment", wanted.comment, "What it is for; kept with the revision")
        ->type_name("TEXT");
    command
        .add_option("--confirm", wanted.confirm,
                    "Taken back after this time, such as 60s, unless confirmed")
        ->type_name("TIME");
    command.add_option("--expect", wanted.expect, "Only if this revision is in force")
        ->type_name("N");
}

void add_file_commands(CLI::App& app, Chosen& chosen) {
    auto* check = add_command(
        app, chosen, "check", "Say every problem of a configuration file", check_help,
        [&](const Console& console) { return run_check(console, chosen.options, chosen.check); });
    check->add_option("FILE", chosen.check.file, "The file, shoal.toml")->required();
    check->add_flag("--no-system", chosen.check.other_machine,
                    "Do not look whether the network devices are there");
    auto* plan = add_command(
        app, chosen, "plan", "Say what a configuration file would change", plan_help,
        [&](const Console& console) { return run_plan(console, chosen.options, chosen.file); });
    plan->add_option("FILE", chosen.file, "The file, shoal.toml")->required();
    auto& change = chosen.change;
    auto* apply = add_command(
        app, chosen, "apply", "Put a configuration file in force", apply_help,
        [&](const Console& console) { return run_apply(console, chosen.options, change); });
    apply->add_option("FILE", change.file, "The file, shoal.toml")->required();
    add_change_options(*apply, change);
}

void add_revisions(CLI::App& app, Chosen& chosen) {
    const auto& options = chosen.options;
    add_command(app, chosen, "reload", "Put shoald's own file in force after an edit", reload_help,
                [&](const Console& console) { return run_reload(console, options); });
    add_command(app, chosen, "confirm", "Keep the revision on trial", confirm_help,
                [&](const Console& console) { return run_confirm(console, options); });
    add_command(app, chosen, "revert", "Take the revision on trial back", revert_help,
                [&](const Console& console) { return run_revert(console, options); });
    add_command(app, chosen, "revisions", "List what was in force, and who applied it",
                revisions_help,
                [&](const Console& console) { return run_revisions(console, options); });
    auto* audit = add_command(
        app, chosen, "audit", "List who changed what", audit_help,
        [&](const Console& console) { return run_audit(console, options, chosen.verify); });
    audit->add_flag("--verify", chosen.verify, "Say whether the log is whole");
    auto& wanted = chosen.difference;
    auto* diff = add_command(
        app, chosen, "diff", "Show what changed between revisions", diff_help,
        [&](const Console& console) { return run_difference(console, options, wanted); });
    diff->add_option("N", wanted.from, "A revision, or \"file\"")->required();
    diff->add_option("M", wanted.to, "Another one; by default what is in force");
    auto& change = chosen.change;
    auto* restore =
        add_command(app, chosen, "restore", "Put an earlier revision in force again", restore_help,
                    [&](const Console& console) { return run_restore(console, options, change); });
    restore->add_option("N", change.revision, "The revision")->required();
    add_change_options(*restore, change);
}

void add_conversions(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.conversion;
    auto* import = add_command(
        app, chosen, "import", "Convert a file of another program to shoal.toml", import_help,
        [&](const Console& console) { return run_import(console, chosen.options, wanted); });
    import->add_option("FORMAT", wanted.format, "Whose file it is")->required();
    import->add_option("FILE", wanted.file, "The file")->required();
    import
        ->add_option("--host", wanted.host,
                     "keepalived: take lines for this host alone (@NAME) too")
        ->type_name("NAME");
    auto* into = add_command(
        app, chosen, "export", "Convert shoal.toml to a file of another program", export_help,
        [&](const Console& console) { return run_export(console, chosen.options, wanted); });
    into->add_option("FORMAT", wanted.format, "lvs.cf")->required();
    into->add_option("FILE", wanted.file, "The file, shoal.toml")->required();
}

void add_connections(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.connections;
    auto* command = add_command(
        app, chosen, "connections", "List connections", connections_help,
        [&](const Console& console) { return run_connections(console, chosen.options, wanted); });
    command->add_option("--client", wanted.client, "Only of this client")->type_name("ADDRESS");
    command->add_option("--virtual", wanted.virtual_server, "Only to this virtual server")
        ->type_name("ADDRESS");
    command->add_option("--mark", wanted.mark, "Only of this firewall mark")->type_name("NUMBER");
    command->add_option("--real", wanted.real_server, "Only at this real server")
        ->type_name("ADDRESS");
    command
        ->add_option("--state", wanted.state,
                     "Only in this state, such as ESTABLISHED, UDP or TEMPLATE")
        ->type_name("STATE");
    command->add_option("--protocol", wanted.protocol, "Only tcp or udp")->type_name("PROTOCOL");
    command->add_option("--limit", wanted.limit, "At most so many")->type_name("NUMBER");
}

void add_trace(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.trace;
    auto* command = add_command(
        app, chosen, "trace", "Show packets and what becomes of them", trace_help,
        [&](const Console& console) { return run_trace(console, chosen.options, wanted); });
    command->add_option("--client", wanted.client, "Only from or to this client or network")
        ->type_name("ADDRESS[/N]");
    command->add_option("--virtual", wanted.virtual_server, "Only of this virtual server")
        ->type_name("ADDRESS");
    command->add_option("--real", wanted.real_server, "Only of this real server")
        ->type_name("ADDRESS");
    command->add_option("--protocol", wanted.protocol, "Only tcp or udp")->type_name("PROTOCOL");
    command->add_option("--verdict", wanted.verdict, "Only this verdict, such as denied")
        ->type_name("VERDICT");
    command->add_option("--count", wanted.count, "End after so many packets")->type_name("NUMBER");
    command->add_option("--seconds", wanted.seconds, "End after so many seconds; 60 by default")
        ->type_name("NUMBER");
}

void add_explain(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.explain;
    auto* command = add_command(
        app, chosen, "explain", "Say what would become of a packet, and why", explain_help,
        [&](const Console& console) { return run_explain(console, chosen.options, wanted); });
    command->add_option("CLIENT", wanted.client, "ADDRESS or ADDRESS:PORT")->required();
    command->add_option("VIRTUAL", wanted.virtual_server, "ADDRESS:PORT")->required();
    command->add_option("--protocol", wanted.protocol, "tcp or udp; tcp by default")
        ->type_name("PROTOCOL");
}

void add_state(CLI::App& app, Chosen& chosen, const std::string& action, const std::string& summary,
               const char* help) {
    auto& wanted = chosen.state;
    auto* command =
        add_command(app, chosen, action, summary, help, [&chosen, action](const Console& console) {
            chosen.state.action = action;
            return run_state(console, chosen.options, chosen.state);
        });
    command->add_option("SERVER", wanted.server, "VIRTUAL/REAL")->required();
    command->add_option("REAL", wanted.real_server,
                        "The real server's name, where SERVER is the virtual server's alone");
    command->add_option("--for", wanted.lasting, "Ends by itself after this time, such as 30m")
        ->type_name("TIME");
    if (action == "drain")
        command->add_option("--deadline", wanted.deadline, "Maintenance begins at the latest then")
            ->type_name("TIME");
}

void add_states(CLI::App& app, Chosen& chosen) {
    add_state(app, chosen, "drain", "Give a real server no new connections", drain_help);
    add_state(app, chosen, "maintain", "Drain a real server, and be quiet about its failures",
              maintain_help);
    add_state(app, chosen, "enable", "Let a real server serve again", enable_help);
    add_state(app, chosen, "disable", "Take a real server out at once", disable_help);
}

void add_check_now(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.check_now;
    auto* command = add_command(
        app, chosen, "check-now", "Check a real server once and show how it went", check_now_help,
        [&](const Console& console) { return run_check_now(console, chosen.options, wanted); });
    command->add_option("VIRTUAL", wanted.virtual_server, "The virtual server's name")->required();
    command->add_option("REAL", wanted.real_server, "The real server's name")->required();
}

void add_history(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.history;
    auto* command = add_command(
        app, chosen, "history", "Show how counters went", history_help,
        [&](const Console& console) { return run_history(console, chosen.options, wanted); });
    command->add_option("SERVER", wanted.object, "VIRTUAL/REAL or VIRTUAL");
    command->add_option("--last", wanted.last, "How far back, such as 2h; 5m by default")
        ->type_name("TIME");
}

void add_events(CLI::App& app, Chosen& chosen) {
    auto& wanted = chosen.events;
    auto* command = add_command(
        app, chosen, "events", "Show what happened", events_help,
        [&](const Console& console) { return run_events(console, chosen.options, wanted); });
    command->add_flag("--follow", wanted.follow, "Go on with what happens");
    command->add_option("--virtual", wanted.virtual_server, "Only of this virtual server")
        ->type_name("NAME");
    command->add_option("--kind", wanted.kind, "Only of these kinds")->type_name("KIND");
    command->add_option("--after", wanted.after, "Only after the event with this id")
        ->type_name("ID");
}

void add_other_commands(CLI::App& app, Chosen& chosen) {
    const auto& options = chosen.options;
    add_command(app, chosen, "status", "Show the director, its servers and their health",
                status_help, [&](const Console& console) { return run_status(console, options); });
    auto* health = add_command(app, chosen, "health", "Show what the checks saw", health_help,
                               [&](const Console& console) {
                                   return run_health(console, options, chosen.virtual_server);
                               });
    health->add_option("VIRTUAL", chosen.virtual_server, "Only of this virtual server");
    add_connections(app, chosen);
    auto* stats = add_command(
        app, chosen, "stats", "Show counters", stats_help,
        [&](const Console& console) { return run_statistics(console, options, chosen.drops); });
    stats->add_flag("--drops", chosen.drops, "Only packets that were dropped");
    add_history(app, chosen);
    add_events(app, chosen);
    add_trace(app, chosen);
    add_explain(app, chosen);
    add_states(app, chosen);
    add_check_now(app, chosen);
    add_command(app, chosen, "stop", "Withdraw everything and end shoald", stop_help,
                [&](const Console& console) { return run_stop(console, options); });
    add_command(app, chosen, "version", "Say the versions of shoal and shoald", version_help,
                [&](const Console& console) { return run_version(console, options); });
}

void describe(CLI::App& app, Chosen& chosen) {
    app.footer(examples);
    app.add_option("--socket", chosen.options.socket, "Where shoald listens")
        ->default_val("/run/shoal/shoald.sock")
        ->envname("SHOAL_SOCKET")
        ->type_name("PATH");
    app.add_flag("--json", chosen.options.json, "JSON instead of tables");
    app.require_subcommand(1);
    add_file_commands(app, chosen);
    add_conversions(app, chosen);
    add_revisions(app, chosen);
    add_other_commands(app, chosen);
}

}  // namespace

int run(std::vector<std::string> arguments, const Console& console) {
    CLI::App app(about, "shoal");
    Chosen chosen;
    describe(app, chosen);
    if (arguments.empty()) {
        console.error << app.help();
        return exit_not_possible;
    }
    // CLI11 takes them from the back.
    std::ranges::reverse(arguments);
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& problem) {
        return app.exit(problem, console.out, console.error) == 0 ? exit_done : exit_not_possible;
    }
    return chosen.run(console);
}

}  // namespace shoal::cli

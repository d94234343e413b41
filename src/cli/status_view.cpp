#include <fmt/format.h>

#include <algorithm>

#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

namespace {

using model::AdministrativeState;

/// In milliseconds; a sweeper that has not run for this long has stopped.
constexpr std::int64_t sweeper_alarm = 2000;

std::string method_word(model::ForwardingMethod method) {
    switch (method) {
        case model::ForwardingMethod::nat:
            return "Masq";
        case model::ForwardingMethod::direct:
            return "Route";
        case model::ForwardingMethod::tunnel:
            break;
    }
    return "Tunnel";
}

bool is_drained(const model::RealServerStatus& server) {
    return server.in_pool && server.weight > 0 && server.weight_in_force == 0;
}

Cell health_cell(const model::RealServerStatus& server, std::int64_t now_ms) {
    if (!server.enabled) return {.text = "off"};
    if (server.state == AdministrativeState::disabled) return {.text = "disabled"};
    std::string text(model::name_of(server.health));
    if (server.since_ms > 0) text += " " + format_age(now_ms - server.since_ms);
    const auto style = server.health == model::Health::up     ? Style::good
                       : server.health == model::Health::down ? Style::bad
                                                              : Style::plain;
    return {.text = std::move(text), .style = style};
}

/// "; maintenance in 9 min", empty where nothing is set for a time.
std::string what_follows(const model::RealServerStatus& server, std::int64_t now_ms) {
    const auto words = [&](AdministrativeState state, std::int64_t when_ms) {
        return fmt::format("; {} in {}", model::name_of(state), format_age(when_ms - now_ms));
    };
    std::string text;
    if (server.deadline_ms) text += words(AdministrativeState::maintenance, *server.deadline_ms);
    if (server.until_ms && server.then) text += words(*server.then, *server.until_ms);
    return text;
}

/// What an administrator ordered; empty where that is nothing.
std::string order_words(const model::RealServerStatus& server, std::int64_t now_ms) {
    const auto left = std::uint64_t{server.active_connections} + server.inactive_connections;
    const auto words = [&]() -> std::string {
        switch (server.state) {
            case AdministrativeState::enabled:
                return server.until_ms ? "enabled for a time" : "";
            case AdministrativeState::draining:
            case AdministrativeState::maintenance:
                return fmt::format("{}: {} left", model::name_of(server.state),
                                   format_many(left, "connection"));
            case AdministrativeState::disabled:
                break;
        }
        return "disabled: out of the pool, and not checked";
    }();
    return words + what_follows(server, now_ms);
}

/// Why a real server that is up and enabled has no new connections.
std::string waiting_words(const model::RealServerStatus& server,
                          const model::VirtualServerStatus& service) {
    if (server.overloaded) return "takes no new connections: its upper threshold is reached";
    if (server.health != model::Health::up || server.weight == 0 || server.weight_in_force > 0)
        return "";
    if (service.quorum_lost && service.sorry_server)
        return "takes no new connections: the quorum is lost";
    // Its checks are not the only ones that count.
    if (service.firewall_mark)
        return fmt::format("takes no new connections: not up for all of mark {}",
                           *service.firewall_mark);
    return "takes no new connections yet";
}

/// What the columns do not say; empty where they say all.
std::string remark(const model::RealServerStatus& server, const model::VirtualServerStatus& service,
                   std::int64_t now_ms) {
    if (!server.enabled) return "";
    const auto& reason = server.reason;
    const auto also = reason.empty() ? "" : reason + "; ";
    if (const auto order = order_words(server, now_ms); !order.empty()) return also + order;
    if (is_drained(server) && server.health != model::Health::up)
        return also + "drained: only its established connections go on";
    return reason.empty() ? waiting_words(server, service) : reason;
}

Cell weight_cell(const model::RealServerStatus& server, std::uint32_t scale) {
    if (!server.in_pool) return number_cell(server.weight);
    if (scale > 1) return {.text = format_weight(server.weight_in_force, scale)};
    return number_cell(server.weight_in_force);
}

/// What there is beside the columns of every status.
struct Extras {
    bool templates = false;
    bool loads = false;
};

Cell load_cell(const model::RealServerStatus& server) {
    if (server.load) return {.text = fmt::format("{:.2f}", *server.load)};
    return {.text = "-"};
}

void add_server(Table& table, const model::RealServerStatus& server, std::uint32_t scale,
                Cell health, const Extras& extras) {
    std::vector<Cell> cells{{.text = "  -> " + format_endpoint(server.address, server.port)},
                            {.text = method_word(server.method)},
                            weight_cell(server, scale)};
    if (extras.loads) cells.push_back(load_cell(server));
    if (extras.templates) cells.push_back(number_cell(server.persistent_clients));
    cells.push_back(number_cell(server.active_connections));
    cells.push_back(number_cell(server.inactive_connections));
    cells.push_back(std::move(health));
    cells.push_back({.text = server.name});
    table.add(std::move(cells));
}

std::string title_of(const model::VirtualServerStatus& service) {
    std::string persistent;
    if (service.persistence_ms)
        persistent = fmt::format(" persistent {}", *service.persistence_ms / 1000);
    return fmt::format("{} {}{}  {} on {}{}", format_virtual_server(service),
                       model::name_of(service.scheduler), persistent, service.name, service.device,
                       service.active ? "" : " (not active)");
}

void add_virtual_server(Table& table, const model::VirtualServerStatus& service,
                        std::int64_t now_ms, const Extras& extras) {
    table.add_line(title_of(service));
    if (service.quorum_lost)
        table.add_line(fmt::format("     quorum lost: it is {}, and {} of {} can take connections",
                                   service.quorum, service.usable,
                                   format_many(service.real_servers.size(), "real server")),
                       Style::bad);
    for (const auto& server : service.real_servers) {
        add_server(table, server, service.weight_scale, health_cell(server, now_ms), extras);
        if (const auto text = remark(server, service, now_ms); !text.empty())
            table.add_line("     " + text,
                           server.health == model::Health::down ? Style::bad : Style::plain);
        if (!server.load_problem.empty())
            table.add_line("     no load: " + server.load_problem, Style::bad);
    }
    if (const auto& sorry = service.sorry_server) {
        const bool serves = sorry->weight_in_force > 0;
        add_server(
            table, *sorry, service.weight_scale,
            {.text = serves ? "in use" : "standby", .style = serves ? Style::bad : Style::plain},
            extras);
    }
}

Extras extras_of(const model::DirectorStatus& status) {
    Extras extras;
    for (const auto& service : status.virtual_servers) {
        extras.templates |= service.persistence_ms.has_value();
        extras.loads |= std::ranges::any_of(service.real_servers, [](const auto& server) {
            return server.weight_factor.has_value();
        });
    }
    return extras;
}

std::string render_servers(const model::DirectorStatus& status, const Terminal& terminal) {
    if (status.virtual_servers.empty()) return "\nno virtual servers\n";
    const Extras extras = extras_of(status);
    std::vector<Column> columns{{.title = "  -> RemoteAddress:Port"},
                                {.title = "Forward"},
                                {.title = "Weight", .align = Align::right}};
    if (extras.loads) columns.push_back({.title = "Load", .align = Align::right});
    if (extras.templates) columns.push_back({.title = "Pers", .align = Align::right});
    columns.insert(columns.end(), {{.title = "ActiveConn", .align = Align::right},
                                   {.title = "InActConn", .align = Align::right},
                                   {.title = "Health"},
                                   {.title = "Name", .shortest = 6}});
    Table table(std::move(columns));
    table.set_preface("Prot LocalAddress:Port Scheduler");
    for (const auto& service : status.virtual_servers)
        add_virtual_server(table, service, status.now_ms, extras);
    return "\n" + table.render(terminal);
}

std::string render_hooks(const model::DirectorStatus& status, const Terminal& terminal) {
    if (status.hooks.empty()) return "";
    Table table(
        {{.title = "Device"}, {.title = "Hook"}, {.title = "Why", .shortest = 20, .wraps = true}});
    for (const auto& hook : status.hooks)
        table.add({{.text = hook.device}, {.text = hook.hook}, {.text = hook.reason}});
    return "\n" + table.render(terminal);
}

/// One sentence a line; they are never cut, since they say what to do.
std::string render_problems(const model::DirectorStatus& status, const Terminal& terminal) {
    if (status.problems.empty()) return "";
    auto text = "\n" + styled("Problems", Style::title, terminal) + "\n";
    for (const auto& problem : status.problems)
        text += styled("  " + printable(problem, terminal), Style::bad, terminal) + "\n";
    return text;
}

std::string render_director(const model::DirectorStatus& status, const Terminal& terminal) {
    const auto& table = status.table;
    const bool late = status.sweeper_age_ms > sweeper_alarm;
    std::string overflow;
    if (table.overflow > 0) overflow = fmt::format(", {} in the overflow map", table.overflow);
    if (table.former_size > 0)
        overflow += fmt::format(", moving from a table of {}", table.former_size);
    return printable(fmt::format("{}: shoald {}, up {}{}", status.name, status.version,
                                 format_age(status.now_ms - status.started_ms),
                                 status.adopted ? ", adopted a running data plane" : ""),
                     terminal) +
           "\nConfiguration  " + printable(status.configuration_file, terminal) +
           fmt::format("\nConnections    {} of {}, {} MiB{}", table.used, table.size,
                       table.memory_bytes >> 20U, overflow) +
           "\nSweeper        " +
           styled(late ? fmt::format("has not run for {}: connections do not expire",
                                     format_age(status.sweeper_age_ms))
                       : fmt::format("ran {} ms ago", status.sweeper_age_ms),
                  late ? Style::bad : Style::plain, terminal) +
           "\n";
}

}  // namespace

std::string render_status(const model::DirectorStatus& status, const Terminal& terminal) {
    return render_director(status, terminal) + render_servers(status, terminal) +
           render_hooks(status, terminal) + render_problems(status, terminal);
}

std::string render_revision(const model::RevisionStatus& revision, std::int64_t now_ms,
                            const Terminal& terminal) {
    auto text = fmt::format("revision {} by {}, {} ago", revision.number, revision.author,
                            format_age(now_ms - revision.time_ms));
    if (!revision.comment.empty()) text += ": " + revision.comment;
    if (revision.number == 0) text = "not recorded as a revision";
    text = "\n" + styled("Configuration", Style::title, terminal) + "\n  " +
           printable(text, terminal) + "\n";
    const auto add = [&](const std::string& sentence) {
        text += styled("  " + sentence, Style::bad, terminal) + "\n";
    };
    if (revision.confirm_until_ms)
        add(fmt::format("on trial: revision {} comes back in {} unless `shoal confirm` comes",
                        revision.former.value_or(0),
                        format_age(*revision.confirm_until_ms - now_ms)));
    if (revision.file_is_edited)
        add("the file says something else: `shoal diff file` shows it, `shoal reload` puts it in "
            "force");
    return text;
}

}  // namespace shoal::cli

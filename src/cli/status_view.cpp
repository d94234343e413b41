#include <fmt/format.h>

#include <algorithm>

#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

namespace {

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
    std::string text(model::name_of(server.health));
    if (server.since_ms > 0) text += " " + format_age(now_ms - server.since_ms);
    const auto style = server.health == model::Health::up     ? Style::good
                       : server.health == model::Health::down ? Style::bad
                                                              : Style::plain;
    return {.text = std::move(text), .style = style};
}

/// What the columns do not say; empty where they say all.
std::string remark(const model::RealServerStatus& server,
                   const std::optional<std::uint32_t>& firewall_mark) {
    if (!server.enabled) return "";
    if (is_drained(server) && server.health != model::Health::up)
        return server.reason + (server.reason.empty() ? "" : "; ") +
               "drained: only its established connections go on";
    if (!server.reason.empty()) return server.reason;
    if (server.overloaded) return "takes no new connections: its upper threshold is reached";
    if (server.health != model::Health::up || server.weight == 0 || server.weight_in_force > 0)
        return "";
    // Its checks are not the only ones that count.
    if (firewall_mark)
        return fmt::format("takes no new connections: not up for all of mark {}", *firewall_mark);
    return "takes no new connections yet";
}

void add_server(Table& table, const model::RealServerStatus& server, Cell health,
                bool has_templates) {
    std::vector<Cell> cells{{.text = "  -> " + format_endpoint(server.address, server.port)},
                            {.text = method_word(server.method)},
                            number_cell(server.in_pool ? server.weight_in_force : server.weight)};
    if (has_templates) cells.push_back(number_cell(server.persistent_clients));
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
                        std::int64_t now_ms, bool has_templates) {
    table.add_line(title_of(service));
    for (const auto& server : service.real_servers) {
        add_server(table, server, health_cell(server, now_ms), has_templates);
        if (const auto text = remark(server, service.firewall_mark); !text.empty())
            table.add_line("     " + text,
                           server.health == model::Health::down ? Style::bad : Style::plain);
    }
    if (const auto& sorry = service.sorry_server) {
        const bool serves = sorry->weight_in_force > 0;
        add_server(
            table, *sorry,
            {.text = serves ? "in use" : "standby", .style = serves ? Style::bad : Style::plain},
            has_templates);
    }
}

std::string render_servers(const model::DirectorStatus& status, const Terminal& terminal) {
    if (status.virtual_servers.empty()) return "\nno virtual servers\n";
    const bool has_templates = std::ranges::any_of(status.virtual_servers, [](const auto& service) {
        return service.persistence_ms.has_value();
    });
    std::vector<Column> columns{{.title = "  -> RemoteAddress:Port"},
                                {.title = "Forward"},
                                {.title = "Weight", .align = Align::right}};
    if (has_templates) columns.push_back({.title = "Pers", .align = Align::right});
    columns.insert(columns.end(), {{.title = "ActiveConn", .align = Align::right},
                                   {.title = "InActConn", .align = Align::right},
                                   {.title = "Health"},
                                   {.title = "Name", .shortest = 6}});
    Table table(std::move(columns));
    table.set_preface("Prot LocalAddress:Port Scheduler");
    for (const auto& service : status.virtual_servers)
        add_virtual_server(table, service, status.now_ms, has_templates);
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

}  // namespace shoal::cli

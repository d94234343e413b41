#include <fmt/format.h>

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
std::string remark(const model::RealServerStatus& server) {
    if (!server.enabled) return "";
    if (!server.reason.empty()) return server.reason;
    if (server.health == model::Health::up && !server.in_pool && server.weight > 0)
        return "takes no new connections yet";
    return "";
}

void add_virtual_server(Table& table, const model::VirtualServerStatus& service,
                        std::int64_t now_ms) {
    table.add_line(fmt::format(
        "{:<4} {} {}  {} on {}{}", service.protocol == model::Protocol::tcp ? "TCP" : "UDP",
        format_endpoint(service.address.address, service.port), model::name_of(service.scheduler),
        service.name, service.device, service.active ? "" : " (not active)"));
    for (const auto& server : service.real_servers) {
        table.add({{.text = "  -> " + format_endpoint(server.address, server.port)},
                   {.text = method_word(server.method)},
                   number_cell(server.weight),
                   number_cell(server.active_connections),
                   number_cell(server.inactive_connections),
                   health_cell(server, now_ms),
                   {.text = server.name}});
        if (const auto text = remark(server); !text.empty())
            table.add_line("     " + text,
                           server.health == model::Health::down ? Style::bad : Style::plain);
    }
}

std::string render_servers(const model::DirectorStatus& status, const Terminal& terminal) {
    if (status.virtual_servers.empty()) return "\nno virtual servers\n";
    Table table({{.title = "  -> RemoteAddress:Port"},
                 {.title = "Forward"},
                 {.title = "Weight", .align = Align::right},
                 {.title = "ActiveConn", .align = Align::right},
                 {.title = "InActConn", .align = Align::right},
                 {.title = "Health"},
                 {.title = "Name", .shortest = 6}});
    table.set_preface("Prot LocalAddress:Port Scheduler");
    for (const auto& service : status.virtual_servers)
        add_virtual_server(table, service, status.now_ms);
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

#include <map>
#include <string>

#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

namespace {

void add_counters(Table& table, std::string what, const model::Counters& counters) {
    table.add({{.text = std::move(what)},
               number_cell(counters.connections),
               number_cell(counters.packets_in),
               number_cell(counters.packets_out),
               number_cell(counters.bytes_in),
               number_cell(counters.bytes_out)});
}

/// The rates below the counters that they belong to; nothing where nothing happens.
void add_rates(Table& table, const std::string& indent, const model::Rates& rates) {
    if (rates == model::Rates{}) return;
    table.add({{.text = indent + "per second"},
               number_cell(rates.connections),
               number_cell(rates.packets_in),
               number_cell(rates.packets_out),
               number_cell(rates.bytes_in),
               number_cell(rates.bytes_out)});
}

void add_server(Table& table, const model::RealServerStatus& server) {
    add_counters(table, "  -> " + format_endpoint(server.address, server.port), server.counters);
    add_rates(table, "     ", server.rates);
}

void add_virtual_server(Table& table, const model::VirtualServerStatus& service) {
    add_counters(table, format_virtual_server(service), service.counters);
    add_rates(table, "     ", service.rates);
    for (const auto& server : service.real_servers)
        add_server(table, server);
    if (service.sorry_server) add_server(table, *service.sorry_server);
}

template <class Wanted>
std::string render_verdicts(const std::vector<model::VerdictCount>& verdicts, Wanted wanted,
                            const Terminal& terminal) {
    Table table({{.title = "Packets", .align = Align::right},
                 {.title = "Per s", .align = Align::right},
                 {.title = "Verdict"},
                 {.title = "Meaning", .shortest = 20, .wraps = true}});
    for (const auto& verdict : verdicts) {
        if (!wanted(verdict)) continue;
        table.add({number_cell(verdict.packets),
                   number_cell(verdict.per_second),
                   {.text = verdict.name},
                   {.text = verdict.meaning}});
    }
    return table.render(terminal);
}

}  // namespace

bool is_drop(const model::VerdictCount& verdict) {
    return verdict.meaning.starts_with("dropped");
}

std::string render_statistics(const api::Statistics& statistics, const Terminal& terminal) {
    Table table({{.title = "  -> RemoteAddress:Port"},
                 {.title = "Conns", .align = Align::right},
                 {.title = "InPkts", .align = Align::right},
                 {.title = "OutPkts", .align = Align::right},
                 {.title = "InBytes", .align = Align::right},
                 {.title = "OutBytes", .align = Align::right}});
    table.set_preface("Prot LocalAddress:Port");
    // The virtual servers of a mark count together.
    std::map<std::uint32_t, std::string> shown_marks;
    for (const auto& service : statistics.virtual_servers) {
        // One that is not active has no part in them.
        const auto mark = service.active ? service.firewall_mark.value_or(0) : 0;
        const auto [shown, is_first] = shown_marks.emplace(mark, service.name);
        if (mark == 0 || is_first) {
            add_virtual_server(table, service);
        } else {
            table.add_line(format_virtual_server(service) + ": counted with " + shown->second);
        }
    }
    add_counters(table, "Total", statistics.total);
    add_rates(table, "     ", statistics.total_rates);
    return table.render(terminal) + "\n" +
           render_verdicts(
               statistics.verdicts, [](const auto& verdict) { return verdict.packets > 0; },
               terminal);
}

std::string render_drops(const api::Statistics& statistics, const Terminal& terminal) {
    return render_verdicts(statistics.verdicts, is_drop, terminal);
}

}  // namespace shoal::cli

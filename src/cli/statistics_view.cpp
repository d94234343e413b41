#include <fmt/format.h>

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

bool is_drop(const model::VerdictCount& verdict) {
    return verdict.meaning.starts_with("dropped");
}

template <class Wanted>
std::string render_verdicts(const std::vector<model::VerdictCount>& verdicts, Wanted wanted,
                            const Terminal& terminal) {
    Table table({{.title = "Packets", .align = Align::right},
                 {.title = "Verdict"},
                 {.title = "Meaning", .shortest = 20, .wraps = true}});
    for (const auto& verdict : verdicts) {
        if (!wanted(verdict)) continue;
        table.add(
            {number_cell(verdict.packets), {.text = verdict.name}, {.text = verdict.meaning}});
    }
    return table.render(terminal);
}

}  // namespace

std::string render_statistics(const api::Statistics& statistics, const Terminal& terminal) {
    Table table({{.title = "  -> RemoteAddress:Port"},
                 {.title = "Conns", .align = Align::right},
                 {.title = "InPkts", .align = Align::right},
                 {.title = "OutPkts", .align = Align::right},
                 {.title = "InBytes", .align = Align::right},
                 {.title = "OutBytes", .align = Align::right}});
    table.set_preface("Prot LocalAddress:Port");
    for (const auto& service : statistics.virtual_servers) {
        add_counters(
            table,
            fmt::format("{:<4} {}", service.protocol == model::Protocol::tcp ? "TCP" : "UDP",
                        format_endpoint(service.address.address, service.port)),
            service.counters);
        for (const auto& server : service.real_servers)
            add_counters(table, "  -> " + format_endpoint(server.address, server.port),
                         server.counters);
    }
    add_counters(table, "Total", statistics.total);
    return table.render(terminal) + "\n" +
           render_verdicts(
               statistics.verdicts, [](const auto& verdict) { return verdict.packets > 0; },
               terminal);
}

std::string render_drops(const api::Statistics& statistics, const Terminal& terminal) {
    return render_verdicts(statistics.verdicts, is_drop, terminal);
}

}  // namespace shoal::cli

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <ranges>

#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

namespace {

using telemetry::Column;
using telemetry::first_sum;

constexpr std::array<std::pair<Column, const char*>, 7> lines{{
    {Column::active, "ActiveConn"},
    {Column::inactive, "InActConn"},
    {Column::connections, "Conns/s"},
    {Column::packets_in, "InPkts/s"},
    {Column::packets_out, "OutPkts/s"},
    {Column::bytes_in, "InBytes/s"},
    {Column::bytes_out, "OutBytes/s"},
}};

bool is_sum(Column column) {
    return static_cast<std::size_t>(column) >= first_sum;
}

/// In a second, or at once; nothing in a gap.
using Values = std::vector<std::optional<double>>;

Values values_of(const std::vector<telemetry::Cell>& cells, Column column) {
    Values values;
    for (const auto& cell : cells) {
        if (cell.is_gap()) {
            values.emplace_back();
            continue;
        }
        const auto value = static_cast<double>(cell[column]);
        values.emplace_back(is_sum(column) ? value / static_cast<double>(cell[Column::seconds])
                                           : value);
    }
    return values;
}

double highest_of(const Values& values) {
    double highest = 0;
    for (const auto& value : values)
        highest = std::max(highest, value.value_or(0));
    return highest;
}

/// `width` characters, each the highest of its part of the time; a blank in a gap.
std::string sparkline(const Values& values, std::size_t width, const Terminal& terminal) {
    static constexpr std::array blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::array ascii{"_", ".", "-", ":", "=", "+", "*", "#"};
    const auto& marks = terminal.utf8 ? blocks : ascii;
    const double highest = highest_of(values);
    std::string line;
    width = std::min(width, values.size());
    for (std::size_t place = 0; place < width; ++place) {
        std::optional<double> most;
        for (auto i = place * values.size() / width; i < (place + 1) * values.size() / width; ++i)
            if (values[i]) most = std::max(most.value_or(0), *values[i]);
        if (!most) {
            line += ' ';
            continue;
        }
        const auto level = highest > 0 ? *most / highest * 7 : 0;
        line += marks[static_cast<std::size_t>(std::ceil(level))];
    }
    return line;
}

Cell whole(double number) {
    return number_cell(static_cast<std::uint64_t>(std::llround(number)));
}

struct Summary {
    double last = 0;
    double mean = 0;
    std::uint64_t total = 0;
};

Summary summary_of(const std::vector<telemetry::Cell>& cells, Column column, const Values& values) {
    Summary summary;
    double seconds = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!values[i]) continue;
        const auto length = static_cast<double>(cells[i][Column::seconds]);
        summary.last = *values[i];
        summary.mean += *values[i] * length;
        summary.total += cells[i][column];
        seconds += length;
    }
    if (seconds > 0) summary.mean /= seconds;
    return summary;
}

void add_line(Table& table, const std::vector<telemetry::Cell>& cells, Column column,
              const char* title, const Terminal& terminal) {
    constexpr std::size_t rest_of_line = 60;
    const auto room = terminal.width > rest_of_line ? terminal.width - rest_of_line : 0;
    const auto values = values_of(cells, column);
    const auto summary = summary_of(cells, column, values);
    table.add({{.text = title},
               whole(summary.last),
               whole(summary.mean),
               whole(highest_of(values)),
               is_sum(column) ? number_cell(summary.total) : Cell{},
               {.text = sparkline(values, std::clamp<std::size_t>(room, 16, 60), terminal)}});
}

}  // namespace

std::string render_history(const api::History& history, const std::string& object,
                           const Terminal& terminal) {
    const auto& [kept, begin, seconds, cells] = history.answer;
    const auto name = printable(object.empty() ? "the director" : object, terminal);
    if (!kept)
        return fmt::format(
            "nothing is kept of {} yet: it is watched from now on, if there is room\n", name);
    const auto gaps = static_cast<std::size_t>(
        std::ranges::count_if(cells, [](const auto& cell) { return cell.is_gap(); }));
    if (gaps == cells.size()) return fmt::format("nothing is known of {} in this time\n", name);
    Table table({{.title = "In one second"},
                 {.title = "Last", .align = Align::right},
                 {.title = "Mean", .align = Align::right},
                 {.title = "Highest", .align = Align::right},
                 {.title = "Total", .align = Align::right},
                 {.title = "Course", .shortest = 8}});
    for (const auto& [column, title] : lines)
        add_line(table, cells, column, title, terminal);
    table.add_line(fmt::format("{}: {} of {} s each{}", name, format_many(cells.size(), "cell"),
                               seconds, gaps == 0 ? "" : fmt::format(", {} of them gaps", gaps)));
    return table.render(terminal);
}

}  // namespace shoal::cli

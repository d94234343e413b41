#include "api/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <ranges>
#include <utility>

#include "api/answer.h"
#include "http/response.h"

namespace shoal::api {

namespace {

using nlohmann::json;
using telemetry::Cell;
using telemetry::Column;
using telemetry::RingWidth;

constexpr std::array widths{std::pair{RingWidth::second, "1s"},
                            std::pair{RingWidth::ten_seconds, "10s"},
                            std::pair{RingWidth::five_minutes, "5m"}};
constexpr std::array column_names{
    std::pair{Column::seconds, "seconds"},       std::pair{Column::active, "active"},
    std::pair{Column::inactive, "inactive"},     std::pair{Column::connections, "connections"},
    std::pair{Column::packets_in, "packets_in"}, std::pair{Column::packets_out, "packets_out"},
    std::pair{Column::bytes_in, "bytes_in"},     std::pair{Column::bytes_out, "bytes_out"},
};

Result<RingWidth> parse_width(std::string_view text) {
    for (const auto& [width, name] : widths)
        if (text == name) return width;
    return fail(fmt::format("\"{}\" is no ring: 1s, 10s or 5m", text));
}

Result<std::int64_t> parse_time(std::string_view text) {
    // Of JavaScript: every time has an exact number.
    constexpr std::int64_t highest = std::int64_t{1} << 53;
    std::int64_t time = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, time);
    if (error != std::errc{} || rest != end || time < 0 || time > highest)
        return fail(fmt::format("\"{}\" is no time in milliseconds since 1970", text));
    return time;
}

Result<Column> parse_column(std::string_view text) {
    for (const auto& [column, name] : column_names)
        if (text == name) return column;
    return fail(fmt::format("\"{}\" is no column: {}", text,
                            fmt::join(column_names | std::views::values, ", ")));
}

Result<std::vector<Column>> parse_columns(std::string_view text) {
    std::vector<Column> found;
    if (text.empty()) return fail("a list of columns is wanted");
    for (const auto word : std::views::split(text, ',')) {
        const auto column = parse_column(std::string_view(word.begin(), word.end()));
        if (!column) return fail(column.error());
        if (*column != Column::seconds) found.push_back(*column);
    }
    std::ranges::sort(found);
    const auto twice = std::ranges::unique(found);
    found.erase(twice.begin(), twice.end());
    return found;
}

Result<void> read_parameter(HistoryQuery& query, std::string_view name, const std::string& text) {
    auto& question = query.question;
    if (name == "virtual") {
        question.virtual_server = text;
        return {};
    }
    if (name == "real") {
        question.real_server = text;
        return {};
    }
    if (name == "ring") return put(question.width, parse_width(text));
    if (name == "from") return put(question.from_ms, parse_time(text));
    if (name == "fields") return put(query.fields, parse_columns(text));
    return fail("unknown; there are virtual, real, ring, from and fields");
}

json column_of(const std::vector<Cell>& cells, Column column) {
    auto values = json::array();
    for (const auto& cell : cells) {
        if (cell.is_gap())
            values.push_back(nullptr);
        else
            values.push_back(cell[column]);
    }
    return values;
}

void read_column(const json& values, Column column, std::vector<Cell>& cells) {
    if (values.size() > cells.size()) cells.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!values[i].is_null()) cells[i][column] = values[i].get<std::uint64_t>();
}

}  // namespace

std::string_view name_of(RingWidth width) {
    return widths[static_cast<std::size_t>(width)].second;
}

std::string_view name_of(Column column) {
    return column_names[static_cast<std::size_t>(column)].second;
}

Result<HistoryQuery> HistoryQuery::parse(const Parameters& parameters) {
    auto query = read_parameters<HistoryQuery>(parameters, read_parameter);
    if (!query) return query;
    if (query->question.real_server && !query->question.virtual_server)
        return fail("parameter \"real\": name its virtual server too, by \"virtual\"");
    if (!parameters.contains("fields")) {
        for (const auto& [column, name] : column_names)
            if (column != Column::seconds) query->fields.push_back(column);
    }
    return query;
}

json to_json(const director::RingAnswer& answer, const HistoryQuery& query, std::int64_t now_ms) {
    auto columns = json::object();
    columns["seconds"] = column_of(answer.cells, Column::seconds);
    for (const auto column : query.fields)
        columns[std::string(name_of(column))] = column_of(answer.cells, column);
    return {{"ring", name_of(query.question.width)},
            {"cell_ms", answer.seconds * 1000},
            {"begin_ms", answer.begin_ms},
            {"now_ms", now_ms},
            {"kept", answer.kept},
            {"columns", std::move(columns)}};
}

Result<History> parse_history(std::string_view text) {
    return parse_answer<History>(text, [](const json& from, History& history) {
        from.at("now_ms").get_to(history.now_ms);
        from.at("kept").get_to(history.answer.kept);
        from.at("begin_ms").get_to(history.answer.begin_ms);
        history.answer.seconds = from.at("cell_ms").get<std::uint32_t>() / 1000;
        const auto& columns = from.at("columns");
        for (const auto& [column, name] : column_names)
            if (columns.contains(name)) read_column(columns.at(name), column, history.answer.cells);
    });
}

http::HttpResponse get_history(director::Control& control, const http::HttpRequest& request) {
    const auto query = HistoryQuery::parse(request.query);
    if (!query) return http::error_response(400, query.error().message);
    const auto answer = control.rings(query->question);
    if (!answer)
        return http::error_response(answer.error().unknown ? 404 : 500, answer.error().message);
    return http::json_response(to_json(*answer, *query, wall_clock_ms()));
}

}  // namespace shoal::api

#include "api/plan.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/status_json.h"
#include "http/response.h"

namespace shoal::api {

namespace {

using nlohmann::json;

const char* name_of(config::Severity severity) {
    switch (severity) {
        case config::Severity::none:
            return "none";
        case config::Severity::new_connections:
            return "new connections";
        case config::Severity::ends_connections:
            break;
    }
    return "ends connections";
}

const char* name_of(config::DifferenceKind kind) {
    switch (kind) {
        case config::DifferenceKind::changed:
            return "changed";
        case config::DifferenceKind::added:
            return "added";
        case config::DifferenceKind::removed:
            return "removed";
        case config::DifferenceKind::renamed:
            return "renamed";
        case config::DifferenceKind::reordered:
            break;
    }
    return "reordered";
}

json to_json(const std::optional<double>& part) {
    return part ? json(*part) : json(nullptr);
}

json to_json(const config::Path& path) {
    auto steps = json::array();
    for (const auto& step : path) {
        auto& json_step = steps.emplace_back(json{{"key", step.key}});
        if (!step.name.empty()) json_step["name"] = step.name;
    }
    return steps;
}

json to_json(const config::Change& change) {
    return {{"kind", name_of(change.kind)},
            {"path", to_json(change.path)},
            {"before", change.before},
            {"after", change.after},
            {"what", change.what},
            {"effect", change.effect},
            {"severity", name_of(change.severity)},
            {"ended_connections", change.ended_connections},
            {"moved", to_json(change.moved)}};
}

json to_json(const config::PlannedPool& pool) {
    auto shares = json::array();
    for (const auto& share : pool.shares) {
        shares.push_back({{"real_server", share.real_server},
                          {"before", to_json(share.before)},
                          {"after", to_json(share.after)}});
    }
    return {{"virtual_servers", pool.virtual_servers},
            {"moved", to_json(pool.moved)},
            {"shares", std::move(shares)}};
}

std::string table_of(const json& path) {
    const auto& first = path.at(0);
    const auto key = first.at("key").get<std::string>();
    return first.contains("name") ? fmt::format("{} \"{}\"", key, first["name"].get<std::string>())
                                  : key;
}

}  // namespace

json to_json(const config::Plan& plan) {
    auto changes = json::array();
    for (const auto& change : plan.changes)
        changes.push_back(to_json(change));
    auto pools = json::array();
    for (const auto& pool : plan.pools)
        pools.push_back(to_json(pool));
    return {{"changes", std::move(changes)},
            {"pools", std::move(pools)},
            {"ended_connections", plan.ended_connections},
            {"severity", name_of(plan.severity)}};
}

Result<PlanText> parse_plan(std::string_view text) {
    return parse_answer<PlanText>(text, [](const json& from, PlanText& plan) {
        for (const auto& change : from.at("changes")) {
            plan.lines.push_back(
                {table_of(change.at("path")), change.at("what"), change.at("effect")});
        }
        from.at("ended_connections").get_to(plan.ended_connections);
        from.at("severity").get_to(plan.severity);
    });
}

http::HttpResponse post_plan(director::Control& control, const http::HttpRequest& request) {
    auto result = control.plan(request.body);
    if (!result) return http::error_response(500, result.error().message);
    auto& plan = *result;
    if (plan) return http::json_response(to_json(*plan));
    const auto count = plan.error().size();
    return http::problem_response(
        422, "/problems/configuration", "The configuration has problems",
        fmt::format("the configuration has {} problem{}", count, count == 1 ? "" : "s"),
        {{"problems", to_json(plan.error())}});
}

}  // namespace shoal::api

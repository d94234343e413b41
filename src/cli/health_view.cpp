#include <fmt/format.h>

#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

namespace {

using model::AdministrativeState;

bool is_checked(const model::TargetHealth& target) {
    return target.check != model::MonitorType::none &&
           target.state != AdministrativeState::disabled;
}

std::string check_text(const model::TargetHealth& target) {
    const auto asked = target.virtual_address.value_or(target.address);
    auto where = target.port == 0 ? asked.to_string() : format_endpoint(asked, target.port);
    if (target.virtual_address) where += " on " + target.address.to_string();
    return fmt::format("{} {}", model::name_of(target.check), where);
}

Cell health_cell(const model::TargetHealth& target, std::int64_t now_ms) {
    std::string text(model::name_of(target.health));
    if (target.since_ms > 0) text += " " + format_age(now_ms - target.since_ms);
    const auto style = target.health == model::Health::up     ? Style::good
                       : target.health == model::Health::down ? Style::bad
                                                              : Style::plain;
    return {.text = std::move(text), .style = style};
}

std::string latency_text(const model::TargetHealth& target) {
    if (target.last_check_ms == 0) return "-";
    return fmt::format("{:.1f} ms", static_cast<double>(target.latency_us) / 1000);
}

std::string next_text(const model::TargetHealth& target, std::int64_t now_ms) {
    if (!is_checked(target) || target.next_check_ms == 0) return "-";
    const auto left = target.next_check_ms - now_ms;
    if (left <= 0) return "now";
    return left < 1000 ? fmt::format("in {} ms", left) : "in " + format_age(left);
}

/// What the last check saw.
std::string check_result_text(const model::TargetHealth& target, std::int64_t now_ms) {
    if (target.state == AdministrativeState::disabled) return "not checked while it is disabled";
    if (target.check == model::MonitorType::none) return "not checked: counts as up";
    if (target.last_check_ms == 0) return "its first check has not ended";
    auto text = fmt::format("{} ago: {}", format_age(now_ms - target.last_check_ms),
                            target.reason.empty() ? "well" : target.reason);
    if (!target.heard.empty()) text += fmt::format("; it said \"{}\"", target.heard);
    return text;
}

std::string result_text(const model::TargetHealth& target, std::int64_t now_ms) {
    const auto text = check_result_text(target, now_ms);
    return target.agent.empty() ? text : text + "; " + target.agent;
}

}  // namespace

std::string render_health(const model::HealthReport& report, const Terminal& terminal) {
    if (report.targets.empty()) return "nothing is checked\n";
    Table table({{.title = "  -> Name", .shortest = 8},
                 {.title = "Check"},
                 {.title = "State"},
                 {.title = "Health"},
                 {.title = "Took", .align = Align::right},
                 {.title = "Next"}});
    const std::string* service = nullptr;
    for (const auto& target : report.targets) {
        if (!service || *service != target.virtual_server) table.add_line(target.virtual_server);
        service = &target.virtual_server;
        table.add({{.text = "  -> " + target.real_server},
                   {.text = check_text(target)},
                   {.text = std::string(model::name_of(target.state))},
                   health_cell(target, report.now_ms),
                   {.text = latency_text(target)},
                   {.text = next_text(target, report.now_ms)}});
        table.add_line("     " + result_text(target, report.now_ms),
                       target.health == model::Health::down ? Style::bad : Style::plain);
    }
    return table.render(terminal);
}

}  // namespace shoal::cli

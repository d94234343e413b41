#include <fmt/format.h>

#include "api/plan.h"
#include "base/file.h"
#include "cli/format.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "config/toml_reader.h"

// shoal plan.

namespace shoal::cli {

namespace {

std::string summary(const api::PlanText& plan) {
    const auto changes = format_many(plan.lines.size(), "change");
    if (plan.ended_connections > 0)
        return fmt::format("{}: {} end{}", changes,
                           format_many(plan.ended_connections, "connection"),
                           plan.ended_connections == 1 ? "s" : "");
    if (plan.severity == "none") return changes + ": clients notice nothing";
    return changes + ": established connections stay";
}

void print(const Console& console, const api::PlanText& plan) {
    if (plan.lines.empty()) {
        console.out << "no change\n";
        return;
    }
    std::string table;
    for (const auto& line : plan.lines) {
        if (line.table != table) console.out << printable(line.table, console.terminal) << "\n";
        table = line.table;
        console.out << "  " << printable(line.what, console.terminal) << "\n      "
                    << printable(line.effect, console.terminal) << "\n";
    }
    console.out << summary(plan) << "\n";
}

}  // namespace

int run_plan(const Console& console, const Options& options, const std::string& file) {
    const auto text = read_file(file, config::max_file_size);
    if (!text)
        return report(
            console, options,
            {.exit_status = exit_not_possible, .message = "cannot read " + text.error().message});
    const auto answer = Remote(options.socket).ask(http::Method::post, "/api/v1/plan", *text);
    if (!answer) return report(console, options, answer.error(), {file, *text});
    if (options.json) {
        console.out << *answer << "\n";
        return exit_done;
    }
    const auto plan = api::parse_plan(*answer);
    if (!plan) return report(console, options, {.message = plan.error().message});
    print(console, *plan);
    return exit_done;
}

}  // namespace shoal::cli

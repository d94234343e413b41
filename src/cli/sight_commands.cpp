#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/sight.h"
#include "cli/format.h"
#include "cli/lines.h"
#include "cli/report.h"
#include "cli/views.h"
#include "http/target.h"

// shoal trace and shoal explain.

namespace shoal::cli {

namespace {

std::string trace_target(const TraceOptions& wanted) {
    std::string target = "/api/v1/trace";
    const auto add = [&](const char* name, const std::string& value) {
        target += fmt::format("{}{}={}", target.contains('?') ? '&' : '?', name,
                              http::percent_encode(value));
    };
    const auto add_if = [&](const char* name, const std::optional<std::string>& value) {
        if (value) add(name, *value);
    };
    add_if("client", wanted.client);
    add_if("virtual", wanted.virtual_server);
    add_if("real", wanted.real_server);
    add_if("protocol", wanted.protocol);
    add_if("verdict", wanted.verdict);
    if (wanted.count) add("count", fmt::to_string(*wanted.count));
    if (wanted.seconds) add("seconds", fmt::to_string(*wanted.seconds));
    return target;
}

/// The lines of a trace as they come.
class TracePrinter {
  public:
    TracePrinter(const Console& console, bool json) : console_(console), json_(json) {}

    /// False when nobody reads them any more.
    bool take(std::string_view piece) {
        lines_.take(piece, [this](std::string_view line) { print(line); });
        console_.out.flush();
        return console_.out.good();
    }

  private:
    void print(std::string_view line) {
        if (line.empty()) return;
        if (json_) {
            console_.out << line << "\n";
            return;
        }
        if (const auto event = api::parse_event(line)) {
            console_.out << render_event(*event, console_.terminal);
            return;
        }
        const auto other = nlohmann::json::parse(line, nullptr, false);
        if (!other.is_object()) return;
        if (other.contains("left_out"))
            console_.out << "... " << other["left_out"].dump() << " packets left out\n";
        if (other.contains("end") && other["end"].is_string())
            console_.error << "the trace ends: "
                           << printable(other["end"].get<std::string>(), console_.terminal) << "\n";
    }

    const Console& console_;
    bool json_;
    Lines lines_;
};

}  // namespace

int run_trace(const Console& console, const Options& options, const TraceOptions& wanted) {
    TracePrinter printer(console, options.json);
    const auto done =
        Remote(options.socket).receive(trace_target(wanted), [&](std::string_view piece) {
            return printer.take(piece);
        });
    return done ? exit_done : report(console, options, done.error());
}

int run_explain(const Console& console, const Options& options, const ExplainOptions& wanted) {
    const auto target = fmt::format(
        "/api/v1/explain?client={}&virtual={}&protocol={}", http::percent_encode(wanted.client),
        http::percent_encode(wanted.virtual_server), http::percent_encode(wanted.protocol));
    const auto body = Remote(options.socket).ask(http::Method::get, target);
    if (!body) return report(console, options, body.error());
    if (options.json) {
        console.out << *body << "\n";
        return exit_done;
    }
    const auto explanation = api::parse_explanation(*body);
    if (!explanation) return report(console, options, {.message = explanation.error().message});
    console.out << render_explanation(*explanation, console.terminal);
    return exit_done;
}

}  // namespace shoal::cli

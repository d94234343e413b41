#include <fmt/format.h>

#include "api/history.h"
#include "cli/report.h"
#include "cli/views.h"
#include "http/target.h"
#include "model/text.h"

// shoal history.

namespace shoal::cli {

namespace {

using telemetry::RingWidth;

constexpr Milliseconds longest{std::chrono::days(7)};

/// The finest ring that reaches back so far.
RingWidth ring_for(Milliseconds last) {
    if (last <= std::chrono::minutes(5)) return RingWidth::second;
    return last <= std::chrono::hours(2) ? RingWidth::ten_seconds : RingWidth::five_minutes;
}

Outcome<Milliseconds> parse_last(const std::string& text) {
    const auto last = model::parse_duration(text);
    const auto wrong = [](std::string message) {
        return std::unexpected(Failure{exit_not_possible, "--last: " + message});
    };
    if (!last) return wrong(last.error().message);
    if (*last < std::chrono::seconds(1) || *last > longest)
        return wrong("must be from 1s to 7d: nothing older is kept");
    return *last;
}

/// VIRTUAL/REAL, VIRTUAL or nothing, and the time, as the API's parameters.
std::string history_target(const std::string& object, Milliseconds last) {
    auto target = fmt::format("/api/v1/history?ring={}&from={}", api::name_of(ring_for(last)),
                              wall_clock_ms() - last.count());
    const auto slash = object.find('/');
    if (!object.empty()) target += "&virtual=" + http::percent_encode(object.substr(0, slash));
    if (slash != std::string::npos)
        target += "&real=" + http::percent_encode(object.substr(slash + 1));
    return target;
}

}  // namespace

int run_history(const Console& console, const Options& options, const HistoryOptions& wanted) {
    const auto last = parse_last(wanted.last);
    if (!last) return report(console, options, last.error());
    const auto object = wanted.object.value_or("");
    const auto body = Remote(options.socket).ask(http::Method::get, history_target(object, *last));
    if (!body) return report(console, options, body.error());
    if (options.json) {
        console.out << *body << "\n";
        return exit_done;
    }
    const auto history = api::parse_history(*body);
    if (!history) return report(console, options, {.message = history.error().message});
    console.out << render_history(*history, object, console.terminal);
    return exit_done;
}

}  // namespace shoal::cli

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "cli/views.h"

namespace shoal::cli {

namespace {

std::string time_of_day(std::int64_t microseconds) {
    const auto seconds = static_cast<std::time_t>(microseconds / 1'000'000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:02}:{:02}:{:02}.{:06}", local.tm_hour, local.tm_min, local.tm_sec,
                       microseconds % 1'000'000);
}

std::string ends_of(const dataplane::TraceEvent& event) {
    if (event.protocol.empty()) return "no IP packet";
    auto text = fmt::format("{} {} > {}", event.protocol, event.source, event.destination);
    return event.tcp_flags.empty() ? text : text + " " + event.tcp_flags;
}

std::string became_of(const dataplane::TraceEvent& event) {
    std::string text;
    if (!event.sent_source.empty())
        text += fmt::format("  as {} > {}", event.sent_source, event.sent_destination);
    else if (!event.real_server.empty())
        text += "  at " + event.real_server;
    if (!event.virtual_server.empty()) text += fmt::format("  ({})", event.virtual_server);
    return text;
}

}  // namespace

std::string render_event(const dataplane::TraceEvent& event, const Terminal& terminal) {
    return printable(fmt::format("{} {:3} {}  {} {} bytes  {}{}", time_of_day(event.time_us),
                                 event.hook, event.device, ends_of(event), event.bytes,
                                 event.verdict, became_of(event)),
                     terminal) +
           "\n";
}

std::string render_explanation(const dataplane::Explanation& explanation,
                               const Terminal& terminal) {
    std::string text;
    std::size_t width = 8;
    for (const auto& step : explanation.steps)
        width = std::max(width, step.about.size());
    const auto add = [&](const std::string& about, const std::string& finding) {
        text += printable(fmt::format("{:{}}  {}", about, width, finding), terminal) + "\n";
    };
    for (const auto& step : explanation.steps)
        add(step.about, step.finding);
    add("verdict", fmt::format("{}: {}", explanation.verdict, explanation.meaning));
    if (!explanation.real_server.empty()) add("goes to", explanation.real_server);
    std::string candidates;
    for (const auto& candidate : explanation.candidates)
        candidates += (candidates.empty() ? "" : ", ") + candidate;
    if (!candidates.empty()) add("goes to", "one of " + candidates);
    return text;
}

}  // namespace shoal::cli

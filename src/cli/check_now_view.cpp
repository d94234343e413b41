#include <fmt/format.h>

#include "cli/views.h"

namespace shoal::cli {

namespace {

std::string milliseconds(std::int64_t microseconds) {
    return fmt::format("{:.3f} ms", static_cast<double>(microseconds) / 1000);
}

}  // namespace

std::string render_transcript_line(const health::Transcript::Line& line, const Terminal& terminal) {
    return printable(fmt::format("{:>12}  {}", milliseconds(line.at_us), line.text), terminal) +
           "\n";
}

std::string render_check_end(const api::CheckEnd& end, const Terminal& terminal) {
    const bool answered = end.outcome == "answered";
    auto text = fmt::format("{:>12}  {}", milliseconds(end.latency_us), end.outcome);
    if (!end.reason.empty()) text += ": " + end.reason;
    return styled(printable(text, terminal), answered ? Style::good : Style::bad, terminal) + "\n";
}

}  // namespace shoal::cli

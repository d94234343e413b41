#include <fmt/format.h>

#include "api/check_now.h"
#include "cli/lines.h"
#include "cli/report.h"
#include "cli/views.h"
#include "http/target.h"

// shoal check-now.

namespace shoal::cli {

namespace {

/// The lines of a check as they come.
class CheckPrinter {
  public:
    CheckPrinter(const Console& console, bool json) : console_(console), json_(json) {}

    /// False when nobody reads them any more.
    bool take(std::string_view piece) {
        lines_.take(piece, [this](std::string_view line) { print(line); });
        console_.out.flush();
        return console_.out.good();
    }

    bool answered() const { return answered_; }

  private:
    void print(std::string_view line) {
        const auto end = api::parse_check_end(line);
        if (end) answered_ = end->outcome == "answered";
        if (json_) {
            console_.out << line << "\n";
        } else if (end) {
            console_.out << render_check_end(*end, console_.terminal);
        } else if (const auto event = api::parse_transcript_line(line)) {
            console_.out << render_transcript_line(*event, console_.terminal);
        }
    }

    const Console& console_;
    bool json_;
    bool answered_ = false;
    Lines lines_;
};

}  // namespace

int run_check_now(const Console& console, const Options& options, const CheckNowOptions& wanted) {
    CheckPrinter printer(console, options.json);
    const auto target =
        fmt::format("/api/v1/check?virtual={}&real={}", http::percent_encode(wanted.virtual_server),
                    http::percent_encode(wanted.real_server));
    const auto done = Remote(options.socket).receive(target, [&](std::string_view piece) {
        return printer.take(piece);
    });
    if (!done) return report(console, options, done.error());
    return printer.answered() ? exit_done : exit_refused;
}

}  // namespace shoal::cli

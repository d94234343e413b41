#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/report.h"
#include "cli/sent_events.h"
#include "cli/views.h"
#include "http/target.h"

// shoal events.

namespace shoal::cli {

namespace {

using nlohmann::json;

/// Before a shoald that went away is looked for again.
constexpr std::chrono::seconds pause{1};

std::string events_target(const EventOptions& wanted) {
    std::string target = "/api/v1/events";
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (value)
            target += fmt::format("{}{}={}", target.contains('?') ? '&' : '?', name,
                                  http::percent_encode(*value));
    };
    add("virtual", wanted.virtual_server);
    add("kind", wanted.kind);
    add("after", wanted.after);
    return target;
}

std::string text_of(const json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string local_time(std::int64_t time_ms) {
    const std::time_t seconds = time_ms / 1000;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

void print_loss(const Console& console, const json& loss) {
    const auto missed = loss.find("missed");
    const auto many = missed != loss.end() && missed->is_number() ? missed->dump() + " events"
                                                                  : std::string("events");
    console.error << printable(fmt::format("{} after {} are not known: {}", many,
                                           text_of(loss, "after"), text_of(loss, "why")),
                               console.terminal)
                  << "\n";
}

class EventPrinter {
  public:
    EventPrinter(const Console& console, bool as_json) : console_(console), json_(as_json) {}

    void print(const SentEvent& event) {
        if (event.kind == "begin") return;
        if (json_) {
            // Of a loss the members are enough to know it by.
            console_.out << event.data << "\n";
        } else if (event.kind == "lost") {
            print_loss(console_, json::parse(event.data, nullptr, false));
        } else {
            console_.out << render_happening(event.data, console_.terminal);
        }
    }

  private:
    const Console& console_;
    bool json_;
};

/// For ever, unless nobody reads on or shoald refuses.
int follow(const Console& console, const Options& options, const EventOptions& wanted) {
    auto from = wanted;
    if (!from.after) from.after = "0";
    const auto target = events_target(from);
    EventPrinter printer(console, options.json);
    SentEvents events;
    while (true) {
        const auto done =
            Remote(options.socket).follow(target, events.last_id(), [&](std::string_view piece) {
                events.take(piece, [&](const SentEvent& event) { printer.print(event); });
                console.out.flush();
                return console.out.good();
            });
        if (!console.out.good()) return exit_done;
        const bool refused = !done && done.error().exit_status == exit_refused;
        if (refused || events.last_id().empty())
            return done ? exit_done : report(console, options, done.error());
        events.break_off();
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace

std::string render_happening(std::string_view text, const Terminal& terminal) {
    const auto event = json::parse(text, nullptr, false);
    if (!event.is_object()) return {};
    const auto time = event.find("time_ms");
    const auto time_ms =
        time != event.end() && time->is_number_integer() ? time->get<std::int64_t>() : 0;
    return printable(fmt::format("{}  {}", local_time(time_ms), text_of(event, "text")), terminal) +
           "\n";
}

int run_events(const Console& console, const Options& options, const EventOptions& wanted) {
    if (wanted.follow) return follow(console, options, wanted);
    const auto body = Remote(options.socket).ask(http::Method::get, events_target(wanted));
    if (!body) return report(console, options, body.error());
    if (options.json) {
        console.out << *body << "\n";
        return exit_done;
    }
    const auto answer = json::parse(*body, nullptr, false);
    if (!answer.is_object() || !answer.contains("events"))
        return report(console, options, {.message = "shoald's answer is not understood"});
    if (answer.contains("lost") && answer["lost"].is_object()) print_loss(console, answer["lost"]);
    for (const auto& event : answer["events"])
        console.out << render_happening(event.dump(), console.terminal);
    return exit_done;
}

}  // namespace shoal::cli

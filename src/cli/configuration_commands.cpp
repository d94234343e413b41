#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ranges>

#include "base/file.h"
#include "cli/configuration_file.h"
#include "cli/format.h"
#include "cli/report.h"
#include "cli/table.h"
#include "config/text_difference.h"
#include "config/toml_reader.h"
#include "http/target.h"

// The commands that change the configuration in force, and look at what it was.

namespace shoal::cli {

namespace {

using nlohmann::json;

constexpr auto config_path = "/api/v1/config";

/// What an answer does not say in the right form is passed over.
std::string text_of(const json& object, const char* key) {
    const auto value = object.is_object() ? object.find(key) : object.end();
    return value != object.end() && value->is_string() ? value->get<std::string>() : "";
}

std::int64_t number_of(const json& object, const char* key) {
    const auto value = object.is_object() ? object.find(key) : object.end();
    return value != object.end() && value->is_number_integer() ? value->get<std::int64_t>() : 0;
}

json member(const json& object, const char* key) {
    return object.is_object() && object.contains(key) ? object[key] : json();
}

std::string query_of(const ChangeOptions& wanted) {
    std::string query;
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (!value) return;
        query +=
            fmt::format("{}{}={}", query.empty() ? '?' : '&', name, http::percent_encode(*value));
    };
    add("comment", wanted.comment);
    add("confirm", wanted.confirm);
    add("expect", wanted.expect);
    add("revision", wanted.revision);
    return query;
}

/// "2026-11-23 10:41:07", in the reader's time zone.
std::string moment(std::int64_t time_ms) {
    const auto seconds = static_cast<std::time_t>(time_ms / 1000);
    std::tm local{};
    if (localtime_r(&seconds, &local) == nullptr) return "?";
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
}

/// Says what a change did: `what` is in force as which revision.
int report_change(const Console& console, const Options& options, const std::string& answer,
                  const std::string& what) {
    if (options.json) {
        console.out << answer << "\n";
        return exit_done;
    }
    const auto body = json::parse(answer, nullptr, false);
    const auto number = number_of(member(body, "revision"), "number");
    const auto replaced = number_of(body, "replaced");
    auto text = fmt::format("{} is in force: revision {}", what, number);
    if (replaced == number)
        text += ", as before";
    else if (replaced != 0)
        text += fmt::format(", instead of revision {}", replaced);
    console.out << printable(text, console.terminal) << "\n";
    if (const auto until = number_of(body, "confirm_until_ms"); until != 0)
        console.out << "on trial: it is taken back at " << moment(until)
                    << " unless `shoal confirm` comes\n";
    for (const auto& warning : member(body, "warnings")) {
        if (warning.is_string())
            console.out << "  but " << printable(warning.get<std::string>(), console.terminal)
                        << "\n";
    }
    return exit_done;
}

int post(const Console& console, const Options& options, const std::string& target,
         const std::string& what) {
    const auto answer =
        Remote(options.socket).ask(http::Method::post, config_path + ("/" + target));
    if (!answer) return report(console, options, answer.error());
    return report_change(console, options, *answer, what);
}

struct NamedText {
    std::string name;
    std::string text;
};

/// `what`: the number of a revision, "file", or nothing for what is in force.
Outcome<NamedText> text_named(Remote& remote, const std::optional<std::string>& what) {
    std::string target = config_path;
    std::string name = "in force";
    if (what == "file") {
        target += "/file";
        name = "the file";
    } else if (what) {
        target += "/revisions/" + http::percent_encode(*what);
        name = "revision " + *what;
    }
    auto text = remote.ask(http::Method::get, target);
    if (!text) return std::unexpected(text.error());
    return NamedText{std::move(name), std::move(*text)};
}

std::string coloured(std::string_view difference, const Terminal& terminal) {
    std::string text;
    while (!difference.empty()) {
        const auto end = std::min(difference.find('\n'), difference.size());
        const auto line = difference.substr(0, end);
        const auto style = line.starts_with("+")   ? Style::good
                           : line.starts_with("-") ? Style::bad
                           : line.starts_with("@") ? Style::title
                                                   : Style::plain;
        text += styled(printable(line, terminal), style, terminal) + "\n";
        difference.remove_prefix(std::min(end + 1, difference.size()));
    }
    return text;
}

}  // namespace

int run_apply(const Console& console, const Options& options, const ChangeOptions& wanted) {
    const auto text = read_configuration(wanted.file);
    if (!text) return report(console, options, text.error());
    Remote remote(options.socket);
    if (!options.json) announce_resize(console, remote, *text);
    const auto answer = remote.ask(http::Method::put, config_path + query_of(wanted), *text);
    if (!answer) return report(console, options, answer.error(), {wanted.file, *text});
    return report_change(console, options, *answer, wanted.file);
}

int run_reload(const Console& console, const Options& options) {
    return post(console, options, "reload", "the configuration file");
}

int run_confirm(const Console& console, const Options& options) {
    return post(console, options, "confirm", "what was on trial");
}

int run_revert(const Console& console, const Options& options) {
    return post(console, options, "revert", "what was before");
}

int run_restore(const Console& console, const Options& options, const ChangeOptions& wanted) {
    return post(console, options, "restore" + query_of(wanted),
                "the text of revision " + wanted.revision.value_or(""));
}

int run_revisions(const Console& console, const Options& options) {
    const auto answer =
        Remote(options.socket).ask(http::Method::get, config_path + std::string("/revisions"));
    if (!answer) return report(console, options, answer.error());
    if (options.json) {
        console.out << *answer << "\n";
        return exit_done;
    }
    Table table({{.title = "Revision", .align = Align::right},
                 {.title = "State"},
                 {.title = "Time"},
                 {.title = "Author", .shortest = 8},
                 {.title = "Comment", .shortest = 12, .wraps = true}});
    const auto body = json::parse(*answer, nullptr, false);
    for (const auto& revision : member(body, "revisions")) {
        table.add({{.text = std::to_string(number_of(revision, "number"))},
                   {.text = text_of(revision, "state")},
                   {.text = moment(number_of(revision, "time_ms"))},
                   {.text = text_of(revision, "author")},
                   {.text = text_of(revision, "comment")}});
    }
    console.out << table.render(console.terminal);
    return exit_done;
}

int run_difference(const Console& console, const Options& options,
                   const DifferenceOptions& wanted) {
    Remote remote(options.socket);
    // Of the file, what it would change; of one revision, what has changed since.
    const bool of_file = wanted.from == "file" && !wanted.to;
    const auto from = text_named(remote, of_file ? std::nullopt : std::optional(wanted.from));
    if (!from) return report(console, options, from.error());
    const auto to = text_named(remote, of_file ? std::optional(wanted.from) : wanted.to);
    if (!to) return report(console, options, to.error());
    const auto difference = config::unified_difference(from->text, to->text, from->name, to->name);
    if (options.json)
        print_json(console, {{"from", from->name}, {"to", to->name}, {"difference", difference}});
    else
        console.out << coloured(difference, console.terminal);
    return exit_done;
}

int run_audit(const Console& console, const Options& options, bool verify) {
    const auto answer = Remote(options.socket).ask(http::Method::get, "/api/v1/audit");
    if (!answer) return report(console, options, answer.error());
    const auto body = json::parse(*answer, nullptr, false);
    const auto damages = member(body, "damages");
    const int status = verify && !damages.empty() ? exit_refused : exit_done;
    if (options.json) {
        console.out << *answer << "\n";
        return status;
    }
    const auto records = member(body, "records");
    if (verify) {
        for (const auto& damage : damages)
            console.out << printable(damage.is_string() ? damage.get<std::string>() : "?",
                                     console.terminal)
                        << "\n";
        console.out << format_many(records.size(), "record")
                    << (damages.empty() ? ": nothing was changed, put in or taken out\n"
                                        : ", and somebody or something damaged the log\n");
        return status;
    }
    Table table({{.title = "Record", .align = Align::right},
                 {.title = "Time"},
                 {.title = "User", .shortest = 8},
                 {.title = "What", .shortest = 20},
                 {.title = "Result", .shortest = 12, .wraps = true}});
    for (const auto& record : records) {
        table.add({{.text = std::to_string(number_of(record, "number"))},
                   {.text = moment(number_of(record, "time_ms"))},
                   {.text = text_of(record, "user")},
                   {.text = text_of(record, "what")},
                   {.text = text_of(record, "result")}});
    }
    console.out << table.render(console.terminal);
    return status;
}

}  // namespace shoal::cli

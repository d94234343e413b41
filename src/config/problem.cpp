#include "config/problem.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/text_lines.h"

namespace shoal::config {

namespace {

/// What of a line is shown: this many characters, around the column.
constexpr std::size_t shown_width = 96;
/// What is shown of a file's problems.
constexpr std::size_t most_problems = 1000;

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// The length of the UTF-8 character that `text` begins with; 0: it begins with none.
std::size_t character_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > text.size()) return 0;
    return std::ranges::all_of(text.substr(1, length - 1), continues_character) ? length : 0;
}

/// Takes a character off the line, as it is shown in one column: a tab as a blank, other control
/// characters and bytes that are no UTF-8 as '?'.
std::string_view take_character(std::string_view& line) {
    const auto length = character_length(line);
    const auto character = line.substr(0, length);
    line.remove_prefix(std::max<std::size_t>(1, length));
    if (character == "\t") return " ";
    const bool control = length == 1 ? character[0] < ' ' || character[0] == 0x7f
                                     : character >= "\xc2\x80" && character < "\xc2\xa0";
    return control || length == 0 ? "?" : character;
}

/// The line and a caret under the column, both cut around the column.
std::string excerpt(const Problem& problem, std::string_view text) {
    const auto column = static_cast<std::size_t>(std::max(1, problem.column) - 1);
    const std::size_t begin = column < shown_width * 3 / 4 ? 0 : column - shown_width / 2;
    std::string shown = begin == 0 ? "" : "...";
    const auto indent = shown.size() + column - begin;

    auto line = line_of(text, problem.line);
    for (std::size_t at = 0; !line.empty() && at < begin + shown_width; ++at) {
        const auto character = take_character(line);
        if (at >= begin) shown += character;
    }
    if (!line.empty()) shown += "...";
    return fmt::format("{:>5} | {}\n      | {:{}}^\n", problem.line, shown, "", indent);
}

/// `word` stands before the message: "note: ".
std::string block(const Problem& problem, std::string_view file, std::string_view text,
                  std::string_view word) {
    std::string output;
    if (problem.line > 0) {
        output = fmt::format("{}:{}:{}: {}{}\n", file, problem.line, problem.column, word,
                             problem.message);
        output += excerpt(problem, text);
    } else {
        output = fmt::format("{}: {}{}\n", file, word, problem.message);
    }
    if (!problem.advice.empty()) output += fmt::format("        {}\n", problem.advice);
    return output;
}

std::string render_all(const std::vector<Problem>& problems, std::string_view file,
                       std::string_view text, std::string_view word, std::string_view many) {
    text = without_byte_order_mark(text);
    std::string output;
    const auto shown = std::min(problems.size(), most_problems);
    for (std::size_t i = 0; i < shown; ++i)
        output += block(problems[i], file, text, word);
    if (shown < problems.size()) {
        output += fmt::format("{}: {} more {}\n", file, problems.size() - shown, many);
    }
    return output;
}

}  // namespace

std::string render(const std::vector<Problem>& problems, std::string_view file,
                   std::string_view text) {
    return render_all(problems, file, text, "", "problems");
}

std::string render_notes(const std::vector<Problem>& notes, std::string_view file,
                         std::string_view text) {
    return render_all(notes, file, text, "note: ", "notes");
}

}  // namespace shoal::config

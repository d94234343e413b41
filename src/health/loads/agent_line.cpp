#include "health/loads/agent_line.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace shoal::health {

namespace {

/// More is surely a mistake.
constexpr std::uint32_t greatest_percent = 10'000;

std::string in_small_letters(std::string_view text) {
    std::string small(text);
    for (auto& letter : small) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return small;
}

std::string_view trimmed(std::string_view text) {
    const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
    const auto end = text.find_last_not_of(" \t") + 1;
    return begin < end ? text.substr(begin, end - begin) : std::string_view{};
}

std::optional<std::uint32_t> number(std::string_view digits) {
    std::uint32_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

bool read_percent(std::string_view word, AgentLine& line) {
    const auto value = number(word.substr(0, word.size() - 1));
    if (!value || *value > greatest_percent) return false;
    line.percent = *value;
    return true;
}

/// Whether the word is known.
bool read_word(std::string_view word, AgentLine& line) {
    constexpr std::string_view maxconn = "maxconn:";
    if (word.ends_with('%')) return read_percent(word, line);
    if (word.starts_with(maxconn)) return number(word.substr(maxconn.size())).has_value();
    if (word == "up") {
        line.up = true;
    } else if (word == "down" || word == "failed" || word == "fail" || word == "stopped") {
        line.up = false;
    } else if (word == "ready") {
        line.wish = AgentWish::ready;
    } else if (word == "drain") {
        line.wish = AgentWish::drain;
    } else if (word == "maint") {
        line.wish = AgentWish::maintenance;
    } else {
        return false;
    }
    return true;
}

}  // namespace

std::optional<AgentLine> read_agent_line(std::string_view answer) {
    const auto whole = answer.substr(0, std::min(answer.find_first_of("\r\n"), answer.size()));
    const auto text = whole.substr(0, whole.find('#'));
    if (text.size() > longest_agent_line) return std::nullopt;
    constexpr std::string_view separators = " \t,";
    const auto small = in_small_letters(text);
    std::string_view rest = small;
    AgentLine line;
    if (whole.size() > text.size()) line.reason = trimmed(whole.substr(text.size() + 1));
    bool any = false;
    while (true) {
        const auto begin = rest.find_first_not_of(separators);
        if (begin == std::string_view::npos) break;
        rest.remove_prefix(begin);
        const auto word = rest.substr(0, rest.find_first_of(separators));
        if (!read_word(word, line)) return std::nullopt;
        any = true;
        rest.remove_prefix(word.size());
    }
    if (!any) return std::nullopt;
    return line;
}

}  // namespace shoal::health

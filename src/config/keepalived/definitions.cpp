#include "config/keepalived/definitions.h"

#include <algorithm>

#include "config/keepalived/words.h"

namespace shoal::config::keepalived {

namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_character(char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
}

/// The name that begins at `from`; empty: none does.
std::string_view name_at(std::string_view line, std::size_t from) {
    if (from >= line.size() || !is_letter(line[from])) return {};
    auto end = from;
    while (end < line.size() && is_name_character(line[end]))
        ++end;
    return line.substr(from, end - from);
}

/// What stands for a definition in a line, and which one.
struct Use {
    std::string_view name;
    std::size_t length = 0;
    /// Of "${_RANDOM 1 9}": "1 9".
    std::string_view arguments = {};
};

std::optional<Use> use_at(std::string_view line, std::size_t dollar) {
    const bool braces = line.substr(dollar + 1).starts_with('{');
    const auto name = name_at(line, dollar + (braces ? 2 : 1));
    if (name.empty()) return std::nullopt;
    const auto end = dollar + (braces ? 2 : 1) + name.size();
    if (!braces) {
        if (end < line.size() && !is_blank(line[end])) return std::nullopt;
        return Use{name, end - dollar};
    }
    if (end < line.size() && line[end] == '}') return Use{name, end + 1 - dollar};
    // Two numbers at most stand here: a look at the whole line would make many uses slow.
    constexpr std::size_t longest_arguments = 64;
    const auto closing = line.substr(end, longest_arguments).find('}');
    if (name != "_RANDOM" || closing == std::string_view::npos) return std::nullopt;
    return Use{name, end + closing + 1 - dollar, trimmed(line.substr(end, closing))};
}

std::string least_of(std::string_view arguments) {
    const auto least = arguments.substr(0, arguments.find(' '));
    return least.empty() ? "0" : std::string(least);
}

}  // namespace

std::optional<Definition> read_definition(std::string_view line) {
    if (!line.starts_with('$')) return std::nullopt;
    const auto name = name_at(line, 1);
    const auto rest = trimmed(line.substr(1 + name.size()));
    if (name.empty() || !rest.starts_with('=')) return std::nullopt;
    return Definition{std::string(name), std::string(trimmed(rest.substr(1))),
                      is_blank(line[1 + name.size()])};
}

Definitions::Outcome Definitions::substitute(std::string_view line, const std::string& directory,
                                             const Room& most) const {
    Outcome outcome{.lines = {""}};
    std::size_t size = 0;
    const auto add = [&](std::string_view text) {
        outcome.lines.back() += text;
        size += text.size();
    };
    for (std::size_t i = 0; i < line.size();) {
        const auto use = line[i] == '$' ? use_at(line, i) : std::nullopt;
        const auto value = use ? values_.find(use->name) : values_.end();
        if (value != values_.end()) {
            if (outcome.lines.size() + value->second.size() > most.lines + 1) {
                outcome.too_large = true;
                return outcome;
            }
            for (const auto& text : value->second) {
                if (&text != &value->second.front()) outcome.lines.emplace_back();
                add(text);
                ++size;
            }
        } else if (use && use->name == "_PWD") {
            add(directory);
        } else if (use && (use->name == "_HASH" || use->name == "_BANG")) {
            add(use->name == "_HASH" ? "#" : "!");
        } else if (use && use->name == "_RANDOM") {
            add(least_of(use->arguments));
            outcome.random = true;
        } else {
            add(line.substr(i, 1));
            ++i;
            continue;
        }
        outcome.changed = true;
        i += use->length;
        if (size > most.bytes) {
            outcome.too_large = true;
            return outcome;
        }
    }
    return outcome;
}

}  // namespace shoal::config::keepalived

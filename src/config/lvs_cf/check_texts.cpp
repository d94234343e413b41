#include "config/lvs_cf/check_texts.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/table_builder.h"
#include "model/text.h"

namespace shoal::config::lvs_cf {

namespace {

constexpr std::string_view escapes = R"(\nrt'")";

/// A text of nanny's in the escapes of shoal.toml: nanny left unknown ones as they were, and texts
/// of one character.
std::string exchange_of(const std::string& text) {
    std::string exchange;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool known = text.size() > 1 && i + 1 < text.size() && escapes.contains(text[i + 1]);
        if (text[i] != '\\') {
            exchange += text[i];
        } else if (known) {
            exchange += text.substr(i++, 2);
        } else {
            exchange += R"(\\)";
        }
    }
    return exchange;
}

/// What nanny gave to regcomp(): RE2 knows \n, \r and \t itself.
std::string translated(const std::string& text) {
    std::string pattern;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (text[i] == '\\' && (next == '\\' || next == '"' || next == '\'')) {
            pattern += next;
            ++i;
        } else {
            pattern += text[i];
        }
    }
    return pattern;
}

/// What POSIX and RE2 see differently in it.
struct PatternTraits {
    /// It has a dot that stands for any character.
    bool any_character = false;
    /// The first thing that means something else in RE2.
    std::string difference;
};

PatternTraits traits_of(const std::string& pattern) {
    PatternTraits traits;
    const auto differs = [&](std::size_t at, std::size_t length) {
        if (traits.difference.empty()) traits.difference = pattern.substr(at, length);
    };
    bool in_class = false;
    std::size_t class_begin = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        if (in_class) {
            if (pattern[i] == '\\' || (pattern[i] == '[' && (next == '.' || next == '=')))
                differs(i, 2);
            if (pattern[i] == '[' && next == ':') {
                i = std::min(pattern.find(":]", i), pattern.size() - 2) + 1;
            } else if (pattern[i] == ']' && i > class_begin) {
                in_class = false;
            }
        } else if (pattern[i] == '[') {
            in_class = true;
            class_begin = i + (next == '^' ? 2 : 1);
        } else if (pattern[i] == '\\') {
            constexpr std::string_view same = "wWsSbBnrt";
            const bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
                                (next >= '0' && next <= '9');
            if ((letter && !same.contains(next)) || next == '<' || next == '>' || next == '`' ||
                next == '\'')
                differs(i, 2);
            ++i;
        } else if (pattern[i] == '.') {
            traits.any_character = true;
        } else if (pattern[i] == '(' && next == '?') {
            differs(i, 2);
        }
    }
    return traits;
}

std::string pattern_of(const Given<std::string>& expect, ProblemList& remarks) {
    auto pattern = translated(expect.value);
    const auto traits = traits_of(pattern);
    if (!traits.difference.empty())
        remarks.add(expect.place,
                    fmt::format("{} in a POSIX regular expression means something else in RE2",
                                model::in_quotes(traits.difference)),
                    "look at expect_pattern");
    // A dot of POSIX is any character, a line end too.
    return traits.any_character && !pattern.starts_with("(?s)") ? "(?s)" + pattern : pattern;
}

void put_expect(Table& table, const Virtual& service, ProblemList& remarks) {
    const auto& expect = service.expect;
    const bool program = !service.send_program.value.empty();
    if (expect.value.empty()) return;
    if (service.use_regex.value && !program) {
        put(table, "expect_pattern", node(pattern_of(expect, remarks), expect.place));
    } else if (expect.value == "*" && !program) {
        remarks.add(expect.place, "* means any answer: a pattern here");
        put(table, "expect_pattern", node(std::string("(?s)."), expect.place));
    } else {
        put(table, "expect", node(exchange_of(expect.value), expect.place));
    }
}

/// nanny replaced %h and %p only where they were words of their own.
Node program_of(const Given<std::string>& program) {
    List words;
    for (const auto& word : words_of(program.value)) {
        std::string text;
        for (const char byte : word)
            text += byte == '%' ? std::string("%%") : std::string(1, byte);
        if (word == "%h" || word == "%p") text = word;
        words.push_back(node(std::move(text), program.place));
    }
    return node(std::move(words), program.place);
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        const auto begin = text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return words;
        text.remove_prefix(begin);
        const auto end = std::min(text.find_first_of(" \t"), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::optional<Node> monitor_of(const Virtual& service, ProblemList& remarks) {
    Table table;
    const auto& place = service.name.place;
    const bool program = !words_of(service.send_program.value).empty();
    if (program) {
        put(table, "sending_program", program_of(service.send_program));
        if (!service.send.value.empty())
            remarks.add(service.send.place, "send means nothing beside send_program: left out");
        if (service.use_regex.value)
            remarks.add(service.use_regex.place,
                        "use_regex means nothing beside send_program: left out");
    } else if (!service.send.value.empty()) {
        put(table, "send", node(exchange_of(service.send.value), service.send.place));
    }
    put_expect(table, service, remarks);
    if (!table.entries.empty()) return node(std::move(table), place);
    if (service.protocol.value != "udp") return std::nullopt;
    remarks.add(place,
                "a UDP service without send and expect was down for ever: it is not checked here",
                "set send and expect in its monitor");
    put(table, "type", node(std::string("none"), place));
    return node(std::move(table), place);
}

}  // namespace shoal::config::lvs_cf

#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>

namespace shoal::cli {

namespace {

bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

/// The length of the well-formed UTF-8 sequence that `text` begins with; 0 where there is none.
std::size_t sequence_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length > text.size()) return 0;
    return std::ranges::all_of(text.substr(1, length ? length - 1 : 0), continues) ? length : 0;
}

/// C0 and C1 control characters, and the marks that turn the writing direction around.
bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence.front());
    if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
    if (sequence.size() == 2)
        return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
    return sequence >= "\u202A" && sequence <= "\u202E";
}

std::optional<std::size_t> parse_width(const std::string& text) {
    std::size_t width = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), width);
    if (error != std::errc{} || rest != text.data() + text.size() || width == 0) return {};
    return width;
}

bool speaks_utf8(const Environment& environment) {
    for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        auto value = environment(name);
        if (value.empty()) continue;
        std::ranges::transform(value, value.begin(), [](unsigned char letter) {
            return static_cast<char>(std::toupper(letter));
        });
        return value.contains("UTF-8") || value.contains("UTF8");
    }
    return false;
}

}  // namespace

Terminal terminal_from(std::optional<std::size_t> window_width, const Environment& environment) {
    const bool is_terminal = window_width.has_value();
    // Some terminals, such as serial lines, do not know their width and say 0.
    if (!window_width || *window_width == 0) window_width = parse_width(environment("COLUMNS"));
    return {
        .width = window_width.value_or(80),
        .utf8 = speaks_utf8(environment),
        .colour = is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb"};
}

Terminal detect_terminal(int descriptor) {
    std::optional<std::size_t> width;
    winsize window{};
    if (::isatty(descriptor) != 0)
        width = ::ioctl(descriptor, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
    return terminal_from(width, [](const std::string& name) -> std::string {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? "" : value;
    });
}

std::string printable(std::string_view text, const Terminal& terminal) {
    std::string clean;
    while (!text.empty()) {
        const auto length = sequence_length(text);
        const auto sequence = text.substr(0, std::max<std::size_t>(length, 1));
        const bool shown = length > 0 && !is_control(sequence) && (length == 1 || terminal.utf8);
        clean += shown ? sequence : "?";
        text.remove_prefix(sequence.size());
    }
    return clean;
}

std::size_t width_of(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

std::string cut(std::string_view text, std::size_t width, const Terminal& terminal) {
    if (width_of(text) <= width) return std::string(text);
    if (width == 0) return "";
    std::size_t end = 0;
    for (std::size_t taken = 0; taken < width; ++taken)
        end += std::max<std::size_t>(sequence_length(text.substr(end)), 1);
    // The last of them makes room for the mark.
    do
        --end;
    while (continues(text[end]));
    return std::string(text.substr(0, end)) + (terminal.utf8 ? "…" : "~");
}

std::string styled(std::string_view text, Style style, const Terminal& terminal) {
    if (!terminal.colour || style == Style::plain) return std::string(text);
    const auto* begin = style == Style::good  ? "\033[32m"
                        : style == Style::bad ? "\033[31m"
                                              : "\033[1m";
    return begin + std::string(text) + "\033[0m";
}

}  // namespace shoal::cli

#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace shoal::cli {

/// What the output goes to.
struct Terminal {
    /// In characters.
    std::size_t width = 80;
    bool utf8 = false;
    bool colour = false;
};

/// The value of an environment variable, empty where it is not set.
using Environment = std::function<std::string(const std::string& name)>;

/// `window_width` is what the terminal says of itself; unset: the output is no terminal. Then the
/// variable COLUMNS decides, else 80.
Terminal terminal_from(std::optional<std::size_t> window_width, const Environment& environment);
Terminal detect_terminal(int descriptor);

/// `text` as it may go to a terminal: without control characters (some of it comes from real
/// servers' answers), and in ASCII where the terminal has no UTF-8; '?' for each that is replaced.
std::string printable(std::string_view text, const Terminal& terminal);
/// Characters of UTF-8 text.
std::size_t width_of(std::string_view text);
/// Cut to `width` characters, with a mark at the end where something was cut off.
std::string cut(std::string_view text, std::size_t width, const Terminal& terminal);

enum class Style { plain, good, bad, title };
std::string styled(std::string_view text, Style style, const Terminal& terminal);

}  // namespace shoal::cli

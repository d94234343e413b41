#pragma once

#include <string>
#include <string_view>
#include <vector>

// A line of keepalived.conf as words.

namespace shoal::config::keepalived {

/// Without a comment, which begins with # or ! anywhere but in quotes and behind a backslash, and
/// without blanks at both ends.
std::string without_comment(std::string_view line);

enum class WordKind { text, begin, end };

struct Word {
    WordKind kind = WordKind::text;
    /// Quotes removed, escapes resolved.
    std::string text;
    bool operator==(const Word&) const = default;
};

/// Words are parted by blanks and by braces. Quotes, " and ', hold blanks and braces together, and
/// C's escapes count in them and outside. A quote that is not closed is an ordinary character; so
/// are the braces of ${NAME} and {{ NAME }}.
std::vector<Word> words_of(std::string_view line);

bool is_blank(char c);
/// Without blanks at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace shoal::config::keepalived

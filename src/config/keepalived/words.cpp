#include "config/keepalived/words.h"

#include <algorithm>
#include <cstdint>

namespace shoal::config::keepalived {

namespace {

bool is_quote(char c) {
    return c == '"' || c == '\'';
}

/// Finds where quotes end. What was looked for in vain is not looked for again: a line of many
/// quotes is gone through once.
class Quotes {
  public:
    explicit Quotes(std::string_view line) : line_(line) {}

    /// Of the quote at `from`; npos: it does not end.
    std::size_t end_of(std::size_t from) {
        bool& may_end = line_[from] == '"' ? double_may_end_ : single_may_end_;
        for (auto i = from + 1; may_end && i < line_.size(); ++i) {
            if (line_[i] == '\\') {
                ++i;
            } else if (line_[i] == line_[from]) {
                return i;
            }
        }
        may_end = false;
        return std::string_view::npos;
    }

  private:
    std::string_view line_;
    bool double_may_end_ = true;
    bool single_may_end_ = true;
};

int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

class WordReader {
  public:
    explicit WordReader(std::string_view line) : line_(line), quotes_(line) {}

    std::vector<Word> run() {
        while (at_ < line_.size()) {
            if (is_blank(line_[at_])) {
                finish();
                ++at_;
            } else if (!verbatim() && !brace()) {
                character();
            }
        }
        finish();
        return std::move(words_);
    }

  private:
    void finish() {
        if (in_word_) words_.push_back({WordKind::text, std::move(word_)});
        word_.clear();
        in_word_ = false;
    }

    /// Quotes, and the braces of definitions and templates.
    bool verbatim() {
        const char c = line_[at_];
        if (is_quote(c)) {
            const auto end = quotes_.end_of(at_);
            if (end == std::string_view::npos) return false;
            in_word_ = true;
            for (++at_; at_ < end;)
                character();
            ++at_;
            return true;
        }
        return enclosed("${", "}", definitions_end_) || enclosed("{{", "}}", templates_end_);
    }

    /// `is_there`: whether another `end` may come; looked for in vain only once.
    bool enclosed(std::string_view begin, std::string_view end, bool& is_there) {
        if (!is_there || !line_.substr(at_).starts_with(begin)) return false;
        const auto closing = line_.find(end, at_ + begin.size());
        is_there = closing != std::string_view::npos;
        if (!is_there) return false;
        const auto length = closing + end.size() - at_;
        word_ += line_.substr(at_, length);
        in_word_ = true;
        at_ += length;
        return true;
    }

    /// `name{`, `{ name` and `name}` as well as braces that stand alone.
    bool brace() {
        const char c = line_[at_];
        if (c != '{' && c != '}') return false;
        const bool ends = at_ + 1 == line_.size() || is_blank(line_[at_ + 1]) ||
                          line_[at_ + 1] == '{' || line_[at_ + 1] == '}';
        if (in_word_ && !ends) return false;
        finish();
        words_.push_back({c == '{' ? WordKind::begin : WordKind::end, ""});
        ++at_;
        return true;
    }

    void character() {
        in_word_ = true;
        const char c = line_[at_++];
        if (c != '\\' || at_ == line_.size()) {
            word_ += c;
        } else {
            escape(line_[at_++]);
        }
    }

    void escape(char c) {
        constexpr std::string_view names = "abEfnrtv";
        constexpr std::string_view values = "\a\b\033\f\n\r\t\v";
        if (const auto index = names.find(c); index != std::string_view::npos) {
            word_ += values[index];
        } else if (digit_value(c) < 8) {
            --at_;
            number(8, 3);
        } else if (c == 'x' && at_ < line_.size() && digit_value(line_[at_]) < 16) {
            number(16, line_.size());
        } else if (c == 'c' && at_ < line_.size()) {
            word_ += static_cast<char>(line_[at_++] & 0x1f);
        } else {
            word_ += c;
        }
    }

    /// Of a longer number the lowest byte counts.
    void number(int base, std::size_t most) {
        unsigned value = 0;
        const auto end = std::min(line_.size(), at_ + std::min(most, line_.size()));
        for (; at_ < end && digit_value(line_[at_]) < base; ++at_)
            value = (value * static_cast<unsigned>(base) +
                     static_cast<unsigned>(digit_value(line_[at_]))) &
                    0xff;
        word_ += static_cast<char>(static_cast<std::uint8_t>(value));
    }

    std::string_view line_;
    Quotes quotes_;
    std::size_t at_ = 0;
    std::string word_;
    bool in_word_ = false;
    bool definitions_end_ = true;
    bool templates_end_ = true;
    std::vector<Word> words_;
};

}  // namespace

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string without_comment(std::string_view line) {
    Quotes quotes(line);
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') {
            ++i;
        } else if (is_quote(line[i])) {
            const auto end = quotes.end_of(i);
            if (end != std::string_view::npos) i = end;
        } else if (line[i] == '#' || line[i] == '!') {
            line = line.substr(0, i);
            break;
        }
    }
    return std::string(trimmed(line));
}

std::vector<Word> words_of(std::string_view line) {
    return WordReader(line).run();
}

}  // namespace shoal::config::keepalived

#include "config/lvs_cf/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "config/text_lines.h"
#include "model/text.h"

namespace shoal::config::lvs_cf {

namespace {

bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

constexpr std::array<std::string_view, 3> block_kinds{"virtual", "failover", "server"};

/// Goes along one line.
class Cursor {
  public:
    Cursor(std::string_view line, int number) : line_(line), columns_(line), number_(number) {}

    Position place() { return {number_, columns_.of(at_)}; }
    std::string_view rest() const { return line_.substr(at_); }
    void skip_blanks() {
        while (at_ < line_.size() && is_blank(line_[at_]))
            ++at_;
    }
    /// Nothing more that counts, or a comment.
    bool at_end() {
        skip_blanks();
        return at_ == line_.size();
    }
    bool is_at(char byte) const { return at_ < line_.size() && line_[at_] == byte; }
    void advance(std::size_t bytes) { at_ += bytes; }

  private:
    std::string_view line_;
    Columns columns_;
    int number_;
    std::size_t at_ = 0;
};

std::size_t until_blank(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::find_if(text, is_blank) - text.begin());
}

/// Whether a message can show it as it is: a file may have anything, and a terminal obeys.
bool is_plain(std::string_view key) {
    constexpr std::size_t longest = 40;
    return !key.empty() && key.size() <= longest && std::ranges::all_of(key, [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
               (byte >= '0' && byte <= '9') || byte == '_';
    });
}

class Lexer {
  public:
    Lexer(ProblemList& errors, ProblemList& remarks) : errors_(errors), remarks_(remarks) {}

    void line(std::string_view text, int number) {
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
            if (!std::exchange(carriage_returns_, true))
                remarks_.add(
                    {number, 1},
                    "lines end with CR and LF: Piranha lost or joined lines of such a file");
        }
        Cursor cursor(text, number);
        if (cursor.at_end() || cursor.is_at('#')) return;
        if (opener_) {
            open_on_next_line(cursor);
            return;
        }
        statement(cursor);
    }

    std::vector<Statement> take() {
        if (opener_) errors_.add(opener_->key.place, "{ is missing", "end the line with {");
        return std::move(statements_);
    }

  private:
    void statement(Cursor& cursor) {
        if (cursor.is_at('}')) {
            statements_.push_back({Statement::Kind::end, {"}", cursor.place()}, {}});
            cursor.advance(1);
            if (!cursor.at_end() && !cursor.is_at('#'))
                remarks_.add(cursor.place(), "what stands behind } is left out, as Piranha did");
            return;
        }
        Word key{"", cursor.place()};
        const auto length = std::min(until_blank(cursor.rest()), cursor.rest().find_first_of("={"));
        key.text = cursor.rest().substr(0, length);
        cursor.advance(key.text.size());
        if (is_block(key)) {
            block(std::move(key), cursor);
        } else {
            assignment(std::move(key), cursor);
        }
    }

    /// Piranha told big and small letters apart.
    bool is_block(Word& key) {
        std::string small = key.text;
        std::ranges::transform(small, small.begin(), [](char byte) {
            return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
        });
        if (std::ranges::find(block_kinds, small) == block_kinds.end()) return false;
        if (small != key.text)
            remarks_.add(key.place, "Piranha knew this word in small letters alone");
        key.text = small;
        return true;
    }

    void block(Word key, Cursor& cursor) {
        const bool named = !cursor.at_end() && !cursor.is_at('{');
        std::optional<Word> name = named ? word(cursor, true) : Word{};
        if (!name) return;
        if (!named) errors_.add(key.place, "the name is missing", "for instance virtual web {");
        Statement statement{Statement::Kind::block, std::move(key), {*std::move(name)}};
        if (!cursor.at_end() && !cursor.is_at('#')) {
            open(std::move(statement), cursor);
        } else {
            opener_ = std::move(statement);
        }
    }

    void open(Statement statement, Cursor& cursor) {
        if (!cursor.is_at('{')) {
            errors_.add(cursor.place(),
                        "unexpected " + model::in_quotes(cursor.rest()) + " instead of {",
                        "put a name with blanks between quotation marks");
            // It is a block nevertheless: the } that follows is its end.
        } else {
            cursor.advance(1);
            end_of_line(cursor);
        }
        statements_.push_back(std::move(statement));
    }

    void open_on_next_line(Cursor& cursor) {
        auto statement = *std::exchange(opener_, std::nullopt);
        if (!cursor.is_at('{')) {
            errors_.add(statement.key.place, "{ is missing", "end the line with {");
            statements_.push_back(std::move(statement));
            this->statement(cursor);
            return;
        }
        remarks_.add(statement.key.place, "Piranha took { only in the same line");
        open(std::move(statement), cursor);
    }

    void assignment(Word key, Cursor& cursor) {
        const bool blank_before = !cursor.rest().empty() && is_blank(cursor.rest().front());
        if (cursor.at_end() || !cursor.is_at('=')) {
            errors_.add(key.place, "equal (=) expected after " + model::in_quotes(key.text),
                        "write " + (is_plain(key.text) ? key.text : "KEY") + " = VALUE");
            return;
        }
        const auto equal = cursor.place();
        cursor.advance(1);
        const bool blank_behind = cursor.rest().empty() || is_blank(cursor.rest().front());
        if (!blank_before || !blank_behind)
            remarks_.add(equal, "Piranha took = only between blanks");
        Statement statement{Statement::Kind::assignment, std::move(key), {}};
        while (!cursor.at_end()) {
            if (cursor.is_at('#') && !statement.words.empty()) {
                remarks_.add(cursor.place(), "Piranha took comments only in lines of their own");
                break;
            }
            auto next = word(cursor, false);
            if (!next) return;
            statement.words.push_back(*std::move(next));
        }
        if (statement.words.empty()) {
            errors_.add(statement.key.place,
                        "the value of " + model::in_quotes(statement.key.text) + " is missing");
            return;
        }
        statements_.push_back(std::move(statement));
    }

    void end_of_line(Cursor& cursor) {
        if (cursor.at_end()) return;
        if (cursor.is_at('#')) {
            remarks_.add(cursor.place(), "Piranha took comments only in lines of their own");
            return;
        }
        errors_.add(cursor.place(), "unexpected " + model::in_quotes(cursor.rest()) + " behind {",
                    "begin a new line");
    }

    /// As Piranha: up to a blank, or, if that does not end with the quotation mark that it began
    /// with, up to the first one behind it. `name`: one that ends with { opens the block.
    std::optional<Word> word(Cursor& cursor, bool name) {
        Word word{"", cursor.place()};
        const auto rest = cursor.rest();
        const auto length = until_blank(rest);
        const char quote = rest.front();
        if (quote != '"' && quote != '\'') {
            word.text = rest.substr(0, length);
            if (name && word.text.ends_with('{')) {
                word.text.pop_back();
                remarks_.add(word.place, "Piranha took { only behind a blank");
            }
            cursor.advance(word.text.size());
            return word;
        }
        word.quoted = true;
        auto end = length - 1;
        if (end == 0 || rest[end] != quote) end = rest.find(quote, length);
        if (end == std::string_view::npos || (end + 1 < rest.size() && !is_blank(rest[end + 1]) &&
                                              !(name && rest[end + 1] == '{'))) {
            errors_.add(word.place, "the quotation marks do not match",
                        "end the text with the one that it began with");
            return std::nullopt;
        }
        word.text = rest.substr(1, end - 1);
        cursor.advance(end + 1);
        return word;
    }

    ProblemList& errors_;
    ProblemList& remarks_;
    std::vector<Statement> statements_;
    /// A block whose { has not come yet.
    std::optional<Statement> opener_;
    bool carriage_returns_ = false;
};

}  // namespace

std::vector<Statement> statements_of(std::string_view text, ProblemList& errors,
                                     ProblemList& remarks) {
    Lexer lexer(errors, remarks);
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        lexer.line(text.substr(0, end), number);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lexer.take();
}

}  // namespace shoal::config::lvs_cf

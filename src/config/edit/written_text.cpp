#include "config/edit/written_text.h"

#include <algorithm>
#include <optional>

#include "config/text_lines.h"

namespace shoal::config::edit {

namespace {

constexpr std::string_view blanks = " \t";

/// Thrown by nothing outside and caught in take_apart(): the text is not what parse_toml() accepts.
struct Unknown {};

class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool at_end() const { return position_ >= text_.size(); }
    bool at_header() const { return next() == '['; }
    std::size_t position() const { return position_; }

    /// The lines up to the next header or key: comments, blank lines, and that one's indentation.
    std::string take_lead() { return std::string(since(skip_to_content(position_))); }

    void read_header(Section& section) {
        const auto begin = position_;
        section.is_listed = text_.substr(position_).starts_with("[[");
        position_ += section.is_listed ? 2 : 1;
        section.keys = read_keys(']');
        expect(section.is_listed ? "]]" : "]");
        section.header = since_position(begin);
        section.header_tail = rest_of_line();
    }

    Statement read_statement() {
        Statement statement;
        statement.assignment = read_assignment();
        statement.tail = rest_of_line();
        return statement;
    }

    Value read_value() {
        if (next() == '[') return read_items(Value::Kind::array, ']');
        if (next() == '{') return read_items(Value::Kind::table, '}');
        Value value;
        const auto begin = position_;
        if (next() == '"' || next() == '\'') {
            skip_string();
        } else {
            position_ = std::min(text_.find_first_of(" \t\r\n,]}#", position_), text_.size());
        }
        if (position_ == begin) throw Unknown{};
        value.text = since_position(begin);
        return value;
    }

  private:
    char next() const { return position_ < text_.size() ? text_[position_] : '\0'; }

    std::string_view since(std::size_t end) {
        const auto part = text_.substr(position_, end - position_);
        position_ = end;
        return part;
    }
    std::string since_position(std::size_t begin) const {
        return std::string(text_.substr(begin, position_ - begin));
    }

    void expect(std::string_view word) {
        if (!text_.substr(position_).starts_with(word)) throw Unknown{};
        position_ += word.size();
    }

    std::size_t skip_blanks(std::size_t at) const {
        return std::min(text_.find_first_not_of(blanks, at), text_.size());
    }

    /// Behind blanks, line ends and comments.
    std::size_t skip_to_content(std::size_t at) const {
        while (true) {
            at = std::min(text_.find_first_not_of(" \t\r\n", at), text_.size());
            if (at == text_.size() || text_[at] != '#') return at;
            at = std::min(text_.find('\n', at), text_.size());
        }
    }

    /// Where the line that `at` is in ends, before its line end; unset where more than blanks and a
    /// comment is in between.
    std::optional<std::size_t> end_of_comment(std::size_t at) const {
        at = skip_blanks(at);
        const auto end = std::min(text_.find('\n', at), text_.size());
        const auto before = end > at && text_[end - 1] == '\r' ? end - 1 : end;
        if (at == before || text_[at] == '#') return before;
        return std::nullopt;
    }

    std::string rest_of_line() {
        const auto end = end_of_comment(position_);
        if (!end) throw Unknown{};
        return std::string(since(std::min(text_.find('\n', *end), text_.size() - 1) + 1));
    }

    void skip_string() {
        const char quote = next();
        const std::string three(3, quote);
        const bool is_long = text_.substr(position_).starts_with(three);
        position_ += is_long ? 3 : 1;
        while (true) {
            if (at_end()) throw Unknown{};
            if (quote == '"' && next() == '\\') {
                position_ += 2;
            } else if (!is_long && next() == quote) {
                ++position_;
                return;
            } else if (is_long && text_.substr(position_).starts_with(three)) {
                position_ += 3;
                // Two more may stand before the closing ones.
                for (int more = 0; more < 2 && next() == quote; ++more)
                    ++position_;
                return;
            } else {
                ++position_;
            }
        }
    }

    /// One with an escape stays as it is written, and is no setting's name then.
    std::string read_key() {
        const auto begin = position_;
        if (next() == '"' || next() == '\'') {
            skip_string();
            const auto written = text_.substr(begin, position_ - begin);
            if (written.contains('\\')) return std::string(written);
            return std::string(written.substr(1, written.size() - 2));
        }
        position_ = std::min(text_.find_first_of(" \t\r\n.=]\"'", position_), text_.size());
        if (position_ == begin) throw Unknown{};
        return since_position(begin);
    }

    /// Up to the sign that ends them.
    std::vector<std::string> read_keys(char end) {
        std::vector<std::string> keys;
        while (true) {
            position_ = skip_blanks(position_);
            keys.push_back(read_key());
            const auto behind = skip_blanks(position_);
            if (behind >= text_.size()) throw Unknown{};
            if (text_[behind] != '.') {
                if (text_[behind] != end) throw Unknown{};
                if (end == ']') position_ = behind;
                return keys;
            }
            position_ = behind + 1;
        }
    }

    Assignment read_assignment() {
        Assignment assignment;
        const auto begin = position_;
        assignment.keys = read_keys('=');
        assignment.key_text = since_position(begin);
        assignment.equals = since(skip_blanks(skip_blanks(position_) + 1));
        assignment.value = read_value();
        return assignment;
    }

    Value read_items(Value::Kind kind, char end) {
        Value value{kind, {}, {}, {}};
        ++position_;
        while (true) {
            auto lead = take_lead();
            if (next() == end) {
                value.rest = std::move(lead);
                ++position_;
                return value;
            }
            auto& item = value.items.emplace_back();
            item.lead = std::move(lead);
            if (kind == Value::Kind::table) {
                item.assignment = read_assignment();
            } else {
                item.assignment.value = read_value();
            }
            read_end_of(item, end);
        }
    }

    /// What goes with an item: up to its comma, and a comment behind that.
    void read_end_of(Item& item, char end) {
        const auto comma = skip_to_content(position_);
        if (comma < text_.size() && text_[comma] == ',') {
            item.before_comma = since(comma);
            item.has_comma = true;
            ++position_;
        } else if (comma >= text_.size() || text_[comma] != end) {
            throw Unknown{};
        }
        const auto end_of_line = end_of_comment(position_);
        if (end_of_line && text_[skip_blanks(position_)] != end) item.after = since(*end_of_line);
    }

    std::string_view text_;
    std::size_t position_ = 0;
};

bool is_blank_line(std::string_view line) {
    return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto length = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return lines;
}

/// How long the comments at the beginning are.
std::size_t length_of_comments(std::string_view text) {
    std::size_t length = 0;
    for (const auto line : lines_of(text)) {
        if (is_blank_line(line)) break;
        length += line.size();
    }
    return length;
}

/// Where the comments at the end begin; `text` ends with an indentation, or a line end.
std::size_t begin_of_comments(std::string_view text) {
    const auto lines = lines_of(text);
    std::size_t begin = text.size();
    for (std::size_t i = lines.size(); i > 0; --i) {
        const bool is_indentation = i == lines.size() && !lines[i - 1].ends_with('\n');
        if (is_blank_line(lines[i - 1]) && !is_indentation) break;
        begin -= lines[i - 1].size();
    }
    return begin;
}

void read_sections(Scanner& scanner, WrittenText& written) {
    auto* section = &written.sections.emplace_back();
    while (true) {
        auto lead = scanner.take_lead();
        if (scanner.at_end()) {
            section->foot = lead.substr(0, length_of_comments(lead));
            written.tail = lead.substr(section->foot.size());
            return;
        }
        if (!scanner.at_header()) {
            section->statements.push_back(scanner.read_statement());
            section->statements.back().lead = std::move(lead);
            continue;
        }
        const auto begin = begin_of_comments(lead);
        section->foot = lead.substr(0, std::min(begin, length_of_comments(lead)));
        const auto foot = section->foot.size();
        section = &written.sections.emplace_back();
        section->gap = lead.substr(foot, begin - foot);
        section->lead = lead.substr(begin);
        scanner.read_header(*section);
    }
}

void append(std::string& text, const Assignment& assignment) {
    text += assignment.key_text;
    text += assignment.equals;
    text += text_of(assignment.value);
}

}  // namespace

std::expected<WrittenText, int> take_apart(std::string_view text) {
    WrittenText written;
    const auto bare = without_byte_order_mark(text);
    written.byte_order_mark = text.substr(0, text.size() - bare.size());
    const auto end = bare.find('\n');
    if (end != std::string_view::npos && end > 0 && bare[end - 1] == '\r')
        written.line_end = "\r\n";
    std::string whole(bare);
    written.ends_with_line_end = whole.empty() || whole.ends_with('\n');
    if (!written.ends_with_line_end) whole += written.line_end;
    Scanner scanner(whole);
    try {
        read_sections(scanner, written);
    } catch (const Unknown&) {
        const auto read = std::min(scanner.position(), whole.size());
        return std::unexpected(1 +
                               static_cast<int>(std::ranges::count(whole.substr(0, read), '\n')));
    }
    return written;
}

Value value_of(std::string_view text) {
    return Scanner(text).read_value();
}

std::string text_of(const Value& value) {
    if (value.kind == Value::Kind::scalar) return value.text;
    const bool is_array = value.kind == Value::Kind::array;
    std::string text = is_array ? "[" : "{";
    for (const auto& item : value.items) {
        text += item.lead;
        append(text, item.assignment);
        text += item.before_comma;
        if (item.has_comma) text += ',';
        text += item.after;
    }
    return text + value.rest + (is_array ? ']' : '}');
}

std::string put_together(const WrittenText& written) {
    std::string text = written.byte_order_mark;
    for (const auto& section : written.sections) {
        text += section.gap + section.lead + section.header + section.header_tail;
        for (const auto& statement : section.statements) {
            text += statement.lead;
            append(text, statement.assignment);
            text += statement.tail;
        }
        text += section.foot;
    }
    text += written.tail;
    if (!written.ends_with_line_end && text.ends_with(written.line_end))
        text.resize(text.size() - written.line_end.size());
    return text;
}

}  // namespace shoal::config::edit

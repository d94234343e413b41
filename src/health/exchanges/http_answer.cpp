#include "health/exchanges/http_answer.h"

#include <algorithm>
#include <charconv>

namespace shoal::health {

namespace {

/// Of a line, and of all lines of one answer, in bytes: more than servers send.
constexpr std::size_t longest_line = 16'384;
constexpr std::size_t longest_head = 65'536;

constexpr std::string_view version = "HTTP/1.";

bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_same_word(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](char a, char b) { return lower(a) == lower(b); });
}

/// All of `text`, or nothing.
std::optional<std::uint64_t> number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

void HttpAnswer::feed(std::string_view bytes) {
    while (!bytes.empty() && fault_.empty() && part_ != Part::complete) {
        if (wants_line())
            take_line(bytes);
        else
            take_body(bytes);
    }
}

void HttpAnswer::end() {
    if (part_ == Part::body_until_end) part_ = Part::complete;
}

bool HttpAnswer::wants_line() const {
    switch (part_) {
        case Part::body_until_end:
        case Part::body_of_length:
        case Part::chunk:
        case Part::complete:
            return false;
        default:
            return true;
    }
}

void HttpAnswer::take_line(std::string_view& bytes) {
    const auto end = bytes.find('\n');
    const auto count = std::min(end == std::string_view::npos ? bytes.size() : end + 1,
                                longest_line - line_.size());
    line_ += bytes.substr(0, count);
    bytes.remove_prefix(count);
    // Of a chunk's lines there are no more than bytes in the body.
    if (part_ != Part::chunk_size && part_ != Part::chunk_end) head_size_ += count;
    if (part_ == Part::status_line) must_begin_like_http();
    if (!fault_.empty()) return;
    if (line_.ends_with('\n')) {
        line_is_complete();
        line_.clear();
    } else if (line_.size() == longest_line) {
        fault_ = "a line of its answer has no end";
    }
    if (fault_.empty() && head_size_ > longest_head) fault_ = "the head of its answer has no end";
}

void HttpAnswer::must_begin_like_http() {
    const auto beginning = std::string_view(line_).substr(0, version.size());
    if (!version.starts_with(beginning)) fault_ = "not HTTP";
}

void HttpAnswer::line_is_complete() {
    std::string_view line = line_;
    line.remove_suffix(line.ends_with("\r\n") ? 2 : 1);
    switch (part_) {
        case Part::status_line:
            return read_status(line);
        case Part::header:
            return line.empty() ? head_is_complete() : read_header(line);
        case Part::chunk_size:
            return read_chunk_size(line);
        case Part::chunk_end:
            if (!line.empty()) fault_ = "a chunk of its answer is longer than it says";
            part_ = Part::chunk_size;
            return;
        default:
            if (line.empty()) part_ = Part::complete;
    }
}

/// "HTTP/1.1 200 OK"; the last words may be missing (RFC 9112, 4).
void HttpAnswer::read_status(std::string_view line) {
    constexpr std::size_t code_at = version.size() + 2;
    const auto code = line.substr(std::min(line.size(), code_at), 3);
    const bool good = line.size() >= code_at + 3 && is_digit(line[version.size()]) &&
                      line[code_at - 1] == ' ' && std::ranges::all_of(code, is_digit) &&
                      (line.size() == code_at + 3 || line[code_at + 3] == ' ');
    if (!good) {
        fault_ = "not HTTP";
        return;
    }
    status_ = static_cast<int>(number(code, 10).value_or(0));
    reason_ = without_blanks(line.substr(code_at + 3));
    is_chunked_ = false;
    length_.reset();
    part_ = Part::header;
    constexpr int switching_protocols = 101;
    if (*status_ < 200 && *status_ != switching_protocols) status_.reset();
}

void HttpAnswer::read_header(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const auto name = line.substr(0, colon);
    const auto value = without_blanks(line.substr(colon + 1));
    if (is_same_word(name, "transfer-encoding")) {
        // The last coding is what tells the end; others before it leave the body unreadable.
        is_chunked_ = is_same_word(value.substr(value.find_last_of(", \t") + 1), "chunked");
    } else if (is_same_word(name, "content-length")) {
        length_ = number(value, 10);
        if (!length_) fault_ = "the length of its answer is no number";
    }
}

void HttpAnswer::head_is_complete() {
    if (!status_) {
        part_ = Part::status_line;
        return;
    }
    constexpr int no_content = 204;
    constexpr int not_modified = 304;
    const bool has_body =
        may_have_body_ && *status_ >= 200 && status_ != no_content && status_ != not_modified;
    if (!has_body || (!is_chunked_ && length_ == 0U))
        part_ = Part::complete;
    else if (is_chunked_)
        part_ = Part::chunk_size;
    else
        part_ = length_ ? Part::body_of_length : Part::body_until_end;
}

/// "1a;name=value"
void HttpAnswer::read_chunk_size(std::string_view line) {
    length_ = number(without_blanks(line.substr(0, line.find(';'))), 16);
    if (!length_) {
        fault_ = "the length of a chunk of its answer is no number";
        return;
    }
    part_ = *length_ == 0 ? Part::trailer : Part::chunk;
}

void HttpAnswer::take_body(std::string_view& bytes) {
    const auto count =
        part_ == Part::body_until_end
            ? bytes.size()
            : static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), length_.value_or(0)));
    body_.add(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (part_ == Part::body_until_end) return;
    *length_ -= count;
    if (*length_ > 0) return;
    part_ = part_ == Part::chunk ? Part::chunk_end : Part::complete;
}

}  // namespace shoal::health

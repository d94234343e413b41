#include "programs/order_format.h"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::programs {

namespace {

constexpr std::size_t length_size = 4;
constexpr std::size_t longest_text = 65535;

class Writer {
  public:
    /// The lowest `size` bytes of `value`.
    void number(std::uint64_t value, int size) {
        for (int byte = size - 1; byte >= 0; --byte)
            bytes_ += static_cast<char>(value >> (8 * byte));
    }
    void text(std::string_view text) {
        number(text.size(), 2);
        bytes_ += text;
    }
    std::string frame() && {
        Writer whole;
        whole.number(bytes_.size(), length_size);
        return std::move(whole.bytes_) + bytes_;
    }
    std::size_t size() const { return bytes_.size(); }

  private:
    std::string bytes_;
};

/// Once something is missing, everything after it is 0 or empty, and good() is false.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        for (const char byte : take(size))
            value = value << 8 | static_cast<unsigned char>(byte);
        return value;
    }
    std::string text() { return std::string(take(number(2))); }
    bool good() const { return good_; }
    bool at_end() const { return good_ && rest_.empty(); }

  private:
    std::string_view take(std::size_t size) {
        if (size > rest_.size()) good_ = false;
        if (!good_) return {};
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    std::string_view rest_;
    bool good_ = true;
};

bool is_variable_name(std::string_view name) {
    const auto may_stand = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    return !name.empty() && std::ranges::all_of(name, may_stand);
}

bool has_zero(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

Result<void> startable(const health::ProgramOrder& program) {
    if (program.words.empty() || !program.words.front().starts_with('/'))
        return fail("a program needs an absolute path");
    if (std::ranges::any_of(program.words, has_zero)) return fail("a word holds a zero byte");
    for (const auto& [name, value] : program.environment)
        if (!is_variable_name(name) || has_zero(value))
            return fail("the environment holds what cannot be a variable");
    if (program.timeout <= Milliseconds(0) || program.timeout > longest_timeout)
        return fail("the time limit is none");
    return {};
}

bool fits(const health::ProgramOrder& program) {
    const auto short_enough = [](const std::string& text) { return text.size() <= longest_text; };
    return program.words.size() <= longest_text && program.environment.size() <= longest_text &&
           std::ranges::all_of(program.words, short_enough) &&
           std::ranges::all_of(program.environment, [&](const auto& variable) {
               return short_enough(variable.first) && short_enough(variable.second);
           });
}

}  // namespace

Result<std::string> write_order(const Order& order) {
    const auto& program = order.program;
    if (auto good = startable(program); !good) return fail(good.error());
    if (!fits(program)) return fail("the words or variables are too long");
    Writer writer;
    writer.number(order.id, 8);
    writer.number(static_cast<std::uint64_t>(program.timeout.count()), 4);
    writer.number(program.words.size(), 2);
    for (const auto& word : program.words)
        writer.text(word);
    writer.number(program.environment.size(), 2);
    for (const auto& [name, value] : program.environment) {
        writer.text(name);
        writer.text(value);
    }
    if (writer.size() > longest_frame) return fail("the words and variables are too long");
    return std::move(writer).frame();
}

Result<Order> read_order(std::string_view frame) {
    Reader reader(frame);
    Order order;
    order.id = reader.number(8);
    order.program.timeout = Milliseconds(reader.number(4));
    for (auto words = reader.number(2); words > 0 && reader.good(); --words)
        order.program.words.push_back(reader.text());
    for (auto variables = reader.number(2); variables > 0 && reader.good(); --variables) {
        auto name = reader.text();
        order.program.environment[std::move(name)] = reader.text();
    }
    if (!reader.at_end()) return fail("an order of another length than its texts");
    if (auto good = startable(order.program); !good) return fail(good.error());
    return order;
}

std::string write_answer(const Answer& answer) {
    Writer writer;
    writer.number(answer.id, 8);
    writer.number(static_cast<std::uint64_t>(answer.result.end), 1);
    writer.number(static_cast<std::uint32_t>(answer.result.code), 4);
    writer.text(std::string_view(answer.result.output).substr(0, longest_output));
    writer.text(std::string_view(answer.result.reason).substr(0, longest_complaint));
    return std::move(writer).frame();
}

Result<Answer> read_answer(std::string_view frame) {
    Reader reader(frame);
    Answer answer;
    answer.id = reader.number(8);
    const auto end = reader.number(1);
    answer.result.end = static_cast<health::ProgramResult::End>(end);
    answer.result.code = static_cast<int>(static_cast<std::uint32_t>(reader.number(4)));
    answer.result.output = reader.text();
    answer.result.reason = reader.text();
    if (!reader.at_end()) return fail("an answer of another length than its texts");
    if (end > static_cast<std::uint64_t>(health::ProgramResult::End::not_asked))
        return fail(fmt::format("an answer of the unknown kind {}", end));
    return answer;
}

void FrameReader::add(std::string_view bytes) {
    if (begin_ > 0) bytes_.erase(0, std::exchange(begin_, 0));
    bytes_ += bytes;
}

Result<std::optional<std::string>> FrameReader::next() {
    const auto rest = std::string_view(bytes_).substr(begin_);
    if (rest.size() < length_size) return std::optional<std::string>{};
    const auto length = Reader(rest.substr(0, length_size)).number(length_size);
    if (length > longest_frame) return fail(fmt::format("a frame of {} bytes", length));
    if (rest.size() < length_size + length) return std::optional<std::string>{};
    begin_ += length_size + length;
    return std::optional(std::string(rest.substr(length_size, length)));
}

}  // namespace shoal::programs

#include "config/keepalived/repetitions.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "config/keepalived/words.h"

namespace shoal::config::keepalived {

namespace {

/// Parted by commas that are in no braces.
std::vector<std::string_view> items_of(std::string_view text) {
    std::vector<std::string_view> items;
    int depth = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || (text[i] == ',' && depth == 0)) {
            items.push_back(trimmed(text.substr(begin, i - begin)));
            begin = i + 1;
        } else if (text[i] == '{') {
            ++depth;
        } else if (text[i] == '}') {
            --depth;
        }
    }
    return items;
}

/// "{a, b}" as a and b; a text without braces is one.
std::vector<std::string_view> group_of(std::string_view item) {
    if (item.starts_with('{') && item.ends_with('}') && item.size() >= 2)
        return items_of(item.substr(1, item.size() - 2));
    return {item};
}

/// Decimal or, with 0x, hexadecimal; far from the edges, so that steps can be added.
std::optional<std::int64_t> number_of(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (hexadecimal) text.remove_prefix(2);
    std::int64_t value = 0;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, hexadecimal ? 16 : 10);
    constexpr std::int64_t largest = std::int64_t{1} << 40;
    if (error != std::errc() || stop != end || value < 0 || value > largest) return std::nullopt;
    return negative ? -value : value;
}

struct Sequence {
    std::int64_t start = 0;
    std::int64_t step = 1;
    std::int64_t end = 0;
};

std::optional<Sequence> sequence_of(const std::vector<std::string_view>& items) {
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 1; i < items.size(); ++i) {
        const auto number = number_of(items[i]);
        if (!number) return std::nullopt;
        numbers.push_back(*number);
    }
    if (numbers.empty() || numbers.size() > 3) return std::nullopt;
    Sequence sequence;
    sequence.end = numbers.back();
    if (numbers.size() > 1) {
        sequence.start = numbers.front();
    } else {
        sequence.start = sequence.end > 0 ? 1 : -1;
    }
    sequence.step = numbers.size() == 3 ? numbers[1] : sequence.end < sequence.start ? -1 : 1;
    return sequence.step == 0 ? std::nullopt : std::optional(sequence);
}

/// A short line may ask for far more than is ever used: what is too large is not built.
class Builder {
  public:
    explicit Builder(const Room& most) : most_(most) {}

    bool has_room(std::size_t lines) const {
        return repetition_.lines.size() + lines <= most_.lines;
    }
    bool is_too_large() const { return bytes_ > most_.bytes; }
    void add(std::string line) {
        bytes_ += line.size() + 1;
        repetition_.lines.push_back(std::move(line));
    }
    Repetition take() { return std::move(repetition_); }

  private:
    const Room& most_;
    Repetition repetition_;
    std::size_t bytes_ = 0;
};

std::optional<Repetition> read_sequence(const std::vector<std::string_view>& items,
                                        std::string_view rest, bool hexadecimal, const Room& most) {
    const auto sequence = sequence_of(items);
    if (!sequence) return std::nullopt;
    Builder builder(most);
    const auto& [start, step, end] = *sequence;
    for (auto value = start; step > 0 ? value <= end : value >= end; value += step) {
        if (!builder.has_room(2)) return std::nullopt;
        builder.add(hexadecimal ? fmt::format("${}={:x}", items[0], value)
                                : fmt::format("${}={}", items[0], value));
        builder.add(std::string(rest));
        if (builder.is_too_large()) break;
    }
    return builder.take();
}

std::optional<Repetition> read_list(const std::vector<std::string_view>& items,
                                    std::string_view rest, const Room& most) {
    const auto names = group_of(items[0]);
    Builder builder(most);
    for (std::size_t i = 1; i < items.size(); ++i) {
        const auto values = group_of(items[i]);
        if (values.size() != names.size() || !builder.has_room(names.size() + 1))
            return std::nullopt;
        for (std::size_t j = 0; j < names.size(); ++j)
            builder.add(fmt::format("${}={}", names[j], values[j]));
        builder.add(std::string(rest));
        if (builder.is_too_large()) break;
    }
    return builder.take();
}

}  // namespace

std::optional<Repetition> read_repetition(std::string_view line, const Room& most) {
    const auto open = line.find('(');
    const auto close = line.find(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        return std::nullopt;
    const auto kind = trimmed(line.substr(0, open));
    const auto items = items_of(line.substr(open + 1, close - open - 1));
    const auto rest = trimmed(line.substr(close + 1));
    if (items.size() < 2 || items[0].empty()) return std::nullopt;
    if (kind == "~SEQ" || kind == "~SEQx") return read_sequence(items, rest, kind == "~SEQx", most);
    if (kind == "~LST") return read_list(items, rest, most);
    return std::nullopt;
}

}  // namespace shoal::config::keepalived

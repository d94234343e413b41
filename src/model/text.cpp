#include "model/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace shoal::model {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};
// "ms" stands before "s": the first one that the text ends with is taken.
constexpr std::array units{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                           Unit{"d", 86'400'000}};

constexpr std::array<std::pair<char, char>, 6> escapes{
    {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'\\', '\\'}, {'"', '"'}, {'\'', '\''}}};

/// Longer time spans are refused, so that nothing here leaves 64 bits: 31 000 years.
constexpr std::int64_t longest_duration = 999'999'999'999'999;

std::optional<std::int64_t> read_digits(std::string_view text, std::size_t most) {
    if (text.empty() || text.size() > most) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.front() == '-' || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::unexpected<Error> no_duration(std::string_view text) {
    return fail(fmt::format("{} is not a time span", in_quotes(text)));
}

bool fits_device(char c) {
    return !is_control(c) && c != ' ' && c != '/' && c != ':';
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
    const auto unit =
        std::ranges::find_if(units, [&](const Unit& u) { return text.ends_with(u.name); });
    if (unit == units.end()) return no_duration(text);
    const auto number = text.substr(0, text.size() - unit->name.size());
    const auto point = number.find('.');
    const auto whole = read_digits(number.substr(0, point), 15);
    if (!whole || *whole >= longest_duration / unit->milliseconds) return no_duration(text);
    const auto duration = *whole * unit->milliseconds;
    if (point == std::string_view::npos) return milliseconds{duration};

    const auto decimals = number.substr(point + 1);
    const auto fraction = read_digits(decimals, 9);
    if (!fraction) return no_duration(text);
    std::int64_t scale = 1;
    for (std::size_t i = 0; i < decimals.size(); ++i)
        scale *= 10;
    if (*fraction * unit->milliseconds % scale != 0) {
        return fail(fmt::format("{} is not a whole number of milliseconds", in_quotes(text)));
    }
    return milliseconds{duration + *fraction * unit->milliseconds / scale};
}

std::string format_duration(milliseconds duration) {
    const auto unit = std::ranges::find_if(units.rbegin(), units.rend(), [&](const Unit& u) {
        return duration.count() != 0 && duration.count() % u.milliseconds == 0;
    });
    if (unit == units.rend()) return "0s";
    return fmt::format("{}{}", duration.count() / unit->milliseconds, unit->name);
}

Result<std::string> parse_device_name(std::string_view text) {
    if (text.empty()) return fail("a device needs a name");
    if (text.size() > max_label_length) {
        return fail(
            fmt::format("{} is longer than {} characters", in_quotes(text), max_label_length));
    }
    if (!std::ranges::all_of(text, fits_device) || text == "." || text == "..") {
        return fail(fmt::format("{} is not the name of a network device", in_quotes(text)));
    }
    return std::string(text);
}

Result<DeviceLabel> parse_device_label(std::string_view text) {
    const auto colon = text.find(':');
    if (text.size() > max_label_length) {
        return fail(
            fmt::format("{} is longer than {} characters", in_quotes(text), max_label_length));
    }
    auto device = parse_device_name(text.substr(0, colon));
    if (!device) return std::unexpected(device.error());
    if (colon != std::string_view::npos) {
        const auto alias = text.substr(colon + 1);
        if (alias.empty() || !std::ranges::all_of(alias, fits_device)) {
            return fail(fmt::format("{} is not a device with an alias", in_quotes(text)));
        }
    }
    return DeviceLabel{std::move(*device), std::string(text)};
}

Result<std::string> parse_exchange(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '\\') {
            const auto next = text.substr(std::min(i + 1, text.size()));
            const auto escape = std::ranges::find_if(
                escapes, [&](const auto& known) { return next.starts_with(known.first); });
            if (escape == escapes.end()) {
                return fail(fmt::format("unknown escape {}", in_quotes(text.substr(i, 2))));
            }
            c = escape->second;
            ++i;
        } else if (c != '\n' && c != '\r' && c != '\t' && (c < 0x20 || c > 0x7e)) {
            return fail("only printable ASCII characters can be sent or expected");
        }
        bytes += c;
    }
    if (bytes.size() > max_exchange_length) {
        return fail(fmt::format("{} bytes are more than {}", bytes.size(), max_exchange_length));
    }
    return bytes;
}

std::string format_exchange(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        // Quotation marks need no escape of ours.
        const auto escape = std::ranges::find(escapes, byte, &std::pair<char, char>::second);
        if (escape == escapes.end() || byte == '"' || byte == '\'') {
            text += byte;
        } else {
            text += {'\\', escape->first};
        }
    }
    return text;
}

Result<std::string> parse_line(std::string_view text) {
    if (text.size() > max_line_length)
        return fail(fmt::format("{} bytes are more than {}", text.size(), max_line_length));
    if (std::ranges::any_of(text, is_control))
        return fail(fmt::format("{} holds a control character", in_quotes(text)));
    return std::string(text);
}

Result<std::string> parse_name(std::string_view text) {
    if (text.empty()) return fail("a name needs at least one character");
    if (character_count(text) > max_name_length) {
        return fail(
            fmt::format("{} is longer than {} characters", in_quotes(text), max_name_length));
    }
    if (std::ranges::any_of(text, is_control)) {
        return fail(fmt::format("{} holds a control character", in_quotes(text)));
    }
    if (text.front() == ' ' || text.back() == ' ') {
        return fail(fmt::format("{} begins or ends with a blank", in_quotes(text)));
    }
    return std::string(text);
}

std::size_t character_count(std::string_view text) {
    return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues_character));
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 60;
    std::string shown = "\"";
    std::size_t characters = 0;
    for (const char c : text) {
        if (!continues_character(c) && ++characters > longest) return shown + "...\"";
        shown += is_control(c) ? '?' : c;
    }
    return shown + '"';
}

Result<PortRange> parse_port_range(std::string_view text) {
    const auto port = [](std::string_view digits) -> std::optional<std::uint16_t> {
        const auto value = read_digits(digits, 5);
        if (!value || *value > 65'535) return std::nullopt;
        return static_cast<std::uint16_t>(*value);
    };
    const auto dash = text.find('-');
    const auto first = port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : port(text.substr(dash + 1));
    if (!first || !last) return fail(fmt::format("{} is not a port or a range", in_quotes(text)));
    if (*first > *last || (*first == 0 && *last != 0)) {
        return fail(fmt::format("{} is an empty range", in_quotes(text)));
    }
    return PortRange(*first, *last);
}

bool is_mail_address(std::string_view text) {
    constexpr std::size_t longest = 254;
    constexpr std::string_view forbidden = "<>(),;:\\\"[]";
    const auto at = text.rfind('@');
    if (at == 0 || at == std::string_view::npos || at + 1 == text.size() || text.size() > longest)
        return false;
    return std::ranges::all_of(
        text, [&](char c) { return c > ' ' && c <= '~' && !forbidden.contains(c); });
}

Result<StatusRange> parse_status_range(std::string_view text) {
    const auto range = parse_port_range(text);
    if (!range || range->first < 100 || range->last > 599)
        return fail(fmt::format("{} is not a status code or a range of them", in_quotes(text)));
    return StatusRange{range->first, range->last};
}

std::string format_status_range(const StatusRange& range) {
    return format_port_range({range.first, range.last});
}

std::string format_port_range(const PortRange& range) {
    if (range.first == range.last) return fmt::to_string(range.first);
    return fmt::format("{}-{}", range.first, range.last);
}

Result<NetworkMask> parse_network_mask(std::string_view text) {
    const auto wrong = fail(fmt::format("{} is not a network mask", in_quotes(text)));
    if (text.contains('.')) {
        const auto address = net::Address::parse(text);
        if (!address || address->is_v6()) return wrong;
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 4; ++i)
            bits = bits << 8 | address->bytes()[i];
        const int length = std::countl_one(bits);
        if (length == 0 || std::popcount(bits) != length) return wrong;
        return NetworkMask{static_cast<std::uint8_t>(length)};
    }
    if (text.starts_with('/')) text.remove_prefix(1);
    const auto length = read_digits(text, 3);
    if (!length || *length < 1 || *length > 128 || text.front() == '0') return wrong;
    return NetworkMask{static_cast<std::uint8_t>(*length)};
}

std::string toml_text(bool value) {
    return value ? "true" : "false";
}
std::string toml_text(std::uint16_t value) {
    return std::to_string(value);
}
std::string toml_text(std::uint32_t value) {
    return std::to_string(value);
}
std::string toml_text(std::int32_t value) {
    return std::to_string(value);
}
std::string toml_text(const std::string& value) {
    return '"' + value + '"';
}
std::string toml_text(const PortRange& value) {
    const auto text = format_port_range(value);
    return value.first == value.last ? text : toml_text(text);
}
std::string toml_text(const StatusRange& value) {
    return toml_text(PortRange(value.first, value.last));
}
std::string toml_text(NetworkMask value) {
    return std::to_string(value.length);
}
std::string toml_text(milliseconds value) {
    return toml_text(format_duration(value));
}

}  // namespace shoal::model

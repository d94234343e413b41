#include "config/keepalived/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "config/keepalived/words.h"

namespace shoal::config::keepalived {

namespace {

constexpr std::array<std::string_view, 3> yes{"on", "true", "yes"};
constexpr std::array<std::string_view, 3> no{"off", "false", "no"};

/// The last 32 bits of an address, and the address with others there.
std::uint32_t tail_of(const net::Address& address) {
    const auto& bytes = address.bytes();
    const std::size_t end = address.is_v6() ? 16 : 4;
    std::uint32_t tail = 0;
    for (auto i = end - 4; i < end; ++i)
        tail = tail << 8 | bytes[i];
    return tail;
}

net::Address with_tail(const net::Address& address, std::uint32_t tail) {
    auto bytes = address.bytes();
    const std::size_t end = address.is_v6() ? 16 : 4;
    for (auto i = end; i > end - 4; --i) {
        bytes[i - 1] = static_cast<std::uint8_t>(tail);
        tail >>= 8;
    }
    if (address.is_v6()) return net::Address::v6(bytes);
    std::uint32_t bits = 0;
    std::copy_n(bytes.begin(), 4, reinterpret_cast<std::uint8_t*>(&bits));
    return net::Address::v4(bits);
}

std::vector<net::Address> between(const net::Address& first, const net::Address& last,
                                  std::size_t most) {
    const std::uint32_t begin = tail_of(first);
    const std::uint32_t end = tail_of(last);
    if (first.is_v6() != last.is_v6() || with_tail(first, end) != last || end < begin ||
        end - begin >= most)
        return {};
    std::vector<net::Address> addresses;
    for (std::uint64_t tail = begin; tail <= end; ++tail)
        addresses.push_back(with_tail(first, static_cast<std::uint32_t>(tail)));
    return addresses;
}

std::vector<net::Address> network(const net::Prefix& prefix, std::size_t most) {
    const int host_bits = prefix.address.bit_length() - prefix.length;
    if (host_bits >= 32) return {};
    const auto mask = static_cast<std::uint32_t>((std::uint64_t{1} << host_bits) - 1);
    const auto tail = tail_of(prefix.address);
    return between(with_tail(prefix.address, tail & ~mask), with_tail(prefix.address, tail | mask),
                   most);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::optional<model::milliseconds> seconds_of(std::string_view text) {
    double value = 0;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    constexpr double longest = 365.0 * 86'400;
    if (error != std::errc() || stop != end || !(value >= 0) || value > longest)
        return std::nullopt;
    return model::milliseconds(static_cast<std::int64_t>(std::ceil(value * 1'000)));
}

std::optional<std::uint64_t> number_of(std::string_view text, std::uint64_t most) {
    std::uint64_t value = 0;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value > most) return std::nullopt;
    return value;
}

std::optional<std::int64_t> signed_number_of(std::string_view text, std::int64_t most) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const auto value = number_of(text, static_cast<std::uint64_t>(most));
    if (!value) return std::nullopt;
    return negative ? -static_cast<std::int64_t>(*value) : static_cast<std::int64_t>(*value);
}

std::optional<bool> flag_of(std::string_view text) {
    if (std::ranges::find(yes, text) != yes.end()) return true;
    if (std::ranges::find(no, text) != no.end()) return false;
    return std::nullopt;
}

std::vector<std::string> command_of(std::string_view text) {
    std::vector<std::string> words;
    bool in_word = false;
    bool quoted = false;
    for (const char c : text) {
        if (!quoted && (is_blank(c) || c == '\n')) {
            in_word = false;
            continue;
        }
        if (!in_word) words.emplace_back();
        in_word = true;
        if (c == '\'') {
            quoted = !quoted;
        } else {
            words.back() += c;
        }
    }
    return words;
}

std::vector<net::Address> addresses_of(std::string_view text, std::size_t most) {
    if (const auto dash = text.find('-'); dash != std::string_view::npos) {
        const auto first = net::Address::parse(text.substr(0, dash));
        if (!first) return {};
        const auto rest = text.substr(dash + 1);
        if (const auto last = net::Address::parse(rest)) return between(*first, *last, most);
        // The last part alone: of IPv4 decimal, of IPv6 hexadecimal.
        const auto part = text.substr(0, dash).find_last_of(first->is_v6() ? ":" : ".");
        const auto last =
            net::Address::parse(std::string(text.substr(0, part + 1)) + std::string(rest));
        return last ? between(*first, *last, most) : std::vector<net::Address>{};
    }
    const auto prefix = net::Prefix::parse(text);
    return prefix ? network(*prefix, most) : std::vector<net::Address>{};
}

std::optional<std::string> bytes_of(const std::vector<std::string>& words) {
    std::string bytes;
    for (const auto& word : words) {
        for (std::size_t i = 0; i < word.size(); i += 2) {
            const int high = hex_digit(word[i]);
            const int low = i + 1 < word.size() ? hex_digit(word[i + 1]) : -2;
            if (high < 0 || low == -1) return std::nullopt;
            bytes += static_cast<char>(low == -2 ? high : high * 16 + low);
        }
    }
    return bytes;
}

}  // namespace shoal::config::keepalived

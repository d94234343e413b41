#include "config/monitor_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "model/text.h"
#include "net/address.h"

namespace shoal::config {

namespace {

using model::DnsType;

bool is_visible(char byte) {
    return byte > ' ' && byte <= '~';
}

bool is_upper(char byte) {
    return byte >= 'A' && byte <= 'Z';
}

bool is_number(std::string_view text, std::uint64_t most) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value <= most;
}

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(by);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words_of(std::string_view text) {
    auto words = split(text, ' ');
    std::erase_if(words, [](std::string_view word) { return word.empty(); });
    return words;
}

bool is_port(std::string_view text) {
    return is_number(text, 65'535) && text != "0";
}

bool is_address(std::string_view text, bool v6) {
    const auto address = net::Address::parse(text);
    return address && address->is_v6() == v6;
}

/// Numbers, each at most that, and a name at the end.
bool are_numbers_and_name(const std::vector<std::string_view>& words, std::size_t numbers) {
    if (words.size() != numbers + 1 || !is_domain_name(words.back())) return false;
    return std::all_of(words.begin(), words.end() - 1,
                       [](std::string_view word) { return is_number(word, 65'535); });
}

bool is_soa(const std::vector<std::string_view>& words) {
    constexpr std::size_t names = 2;
    constexpr std::size_t all = 7;
    if (words.size() != all) return false;
    return std::all_of(words.begin(), words.begin() + names, is_domain_name) &&
           std::all_of(words.begin() + names, words.end(),
                       [](std::string_view word) { return is_number(word, 4'294'967'295); });
}

}  // namespace

std::optional<TextFault> program_fault(const std::vector<std::string>& words) {
    if (!words.front().starts_with('/')) {
        return TextFault{fmt::format("{} is no absolute path", model::in_quotes(words.front())),
                         "begin it with /, and write each argument as a text of its own"};
    }
    constexpr std::string_view known = "hpvn%";
    for (const std::string_view word : words) {
        for (std::size_t i = word.find('%'); i < word.size(); i = word.find('%', i + 2)) {
            if (i + 1 < word.size() && known.contains(word[i + 1])) continue;
            return TextFault{
                fmt::format("{} in {} means nothing", model::in_quotes(word.substr(i, 2)),
                            model::in_quotes(word)),
                "known: %h, %p, %v, %n; a percent sign is %%"};
        }
    }
    return std::nullopt;
}

bool is_http_method(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_upper);
}

bool is_http_path(std::string_view text) {
    return text == "*" || (text.starts_with('/') && std::ranges::all_of(text, is_visible));
}

bool is_host(std::string_view text) {
    constexpr std::string_view forbidden = "/@?#<>\"\\";
    return !text.empty() && std::ranges::all_of(text, [&](char byte) {
        return is_visible(byte) && !forbidden.contains(byte);
    });
}

bool is_host_and_port(std::string_view text) {
    if (!is_host(text)) return false;
    if (is_address(text, true)) return true;
    const bool in_brackets = text.starts_with('[');
    const auto end = in_brackets ? text.find(']') : text.find(':');
    if (in_brackets &&
        (end == std::string_view::npos || !is_address(text.substr(1, end - 1), true)))
        return false;
    const auto host_end = in_brackets ? end + 1 : std::min(end, text.size());
    const auto rest = text.substr(host_end);
    return host_end > 0 && (rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1))));
}

bool is_domain_name(std::string_view text) {
    if (text == ".") return true;
    if (text.ends_with('.')) text.remove_suffix(1);
    constexpr std::size_t longest_name = 253;
    constexpr std::size_t longest_label = 63;
    return text.size() <= longest_name && std::ranges::all_of(split(text, '.'), [](auto label) {
               return !label.empty() && label.size() <= longest_label &&
                      std::ranges::all_of(label, is_visible);
           });
}

bool is_dns_answer(DnsType type, std::string_view text) {
    const auto words = words_of(text);
    switch (type) {
        case DnsType::a:
        case DnsType::aaaa:
            return is_address(text, type == DnsType::aaaa);
        case DnsType::cname:
        case DnsType::ns:
        case DnsType::ptr:
            return are_numbers_and_name(words, 0);
        case DnsType::mx:
            return are_numbers_and_name(words, 1);
        case DnsType::srv:
            return are_numbers_and_name(words, 3);
        case DnsType::soa:
            return is_soa(words);
        case DnsType::txt:
            return true;
    }
    return false;
}

std::string_view dns_answer_form(DnsType type) {
    switch (type) {
        case DnsType::a:
            return "192.0.2.1";
        case DnsType::aaaa:
            return "2001:db8::1";
        case DnsType::mx:
            return "10 mail.example.com.";
        case DnsType::srv:
            return "10 20 443 www.example.com.";
        case DnsType::soa:
            return "ns.example.com. admin.example.com. 2026010100 7200 3600 1209600 3600";
        case DnsType::txt:
            return "\"v=spf1 -all\"";
        default:
            return "www.example.com.";
    }
}

}  // namespace shoal::config

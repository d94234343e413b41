#include "http/target.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace shoal::http {

namespace {

std::optional<char> hex_byte(std::string_view digits) {
    unsigned value = 0;
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value, 16);
    if (digits.size() != 2 || error != std::errc{} || rest != end || value == 0) return {};
    return static_cast<char>(value);
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const auto byte = hex_byte(text.substr(i + 1, 2));
            if (!byte) return fail("a percent sign without two hexadecimal digits behind it");
            decoded += *byte;
            i += 2;
        } else {
            decoded += text[i] == '+' && plus_is_blank ? ' ' : text[i];
        }
    }
    return decoded;
}

/// Calls `take` with each part of `text` between separators, empty ones included.
template <class Take>
Result<void> for_each_part(std::string_view text, char separator, Take take) {
    while (true) {
        const auto end = text.find(separator);
        if (auto taken = take(text.substr(0, end)); !taken) return taken;
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
}

Result<void> add_segment(std::vector<std::string>& path, std::string_view text) {
    auto segment = percent_decode(text, false);
    if (!segment) return fail(segment.error());
    path.push_back(std::move(*segment));
    return {};
}

Result<void> add_parameter(std::map<std::string, std::string>& query, std::string_view text) {
    if (text.empty()) return {};
    const auto equals = text.find('=');
    auto name = percent_decode(text.substr(0, equals), true);
    if (!name) return fail(name.error());
    auto value = equals == std::string_view::npos ? Result<std::string>("")
                                                  : percent_decode(text.substr(equals + 1), true);
    if (!value) return fail(value.error());
    if (query.contains(*name)) return fail(fmt::format("parameter \"{}\" is given twice", *name));
    query.emplace(std::move(*name), std::move(*value));
    return {};
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
    if (target.contains('\0')) return fail("a NUL in the path of a request");
    if (!target.starts_with('/')) return fail("the path of a request begins with a slash");
    const auto question = target.find('?');
    auto path = target.substr(1, question == std::string_view::npos ? question : question - 1);
    if (path.ends_with('/')) path.remove_suffix(1);

    Target result;
    if (!path.empty()) {
        const auto read =
            for_each_part(path, '/', [&](auto part) { return add_segment(result.path, part); });
        if (!read) return fail(read.error());
    }
    if (question != std::string_view::npos) {
        const auto read = for_each_part(target.substr(question + 1), '&', [&](auto part) {
            return add_parameter(result.query, part);
        });
        if (!read) return fail(read.error());
    }
    return result;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view unreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string encoded;
    for (const char byte : text) {
        if (unreserved.contains(byte)) {
            encoded += byte;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
        }
    }
    return encoded;
}

}  // namespace shoal::http

#include "health/loads/load_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "health/check_reason.h"

namespace shoal::health {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

Result<double> read_number(std::string_view text) {
    const auto digits = trimmed(text);
    double value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc{} || stop != end)
        return fail(fmt::format("{} is no number", in_quotes(digits)));
    return plausible_load(value);
}

/// One step of a pointer: "~1" stands for "/", "~0" for "~".
std::string resolve(std::string_view step) {
    std::string key;
    for (std::size_t at = 0; at < step.size(); ++at) {
        const bool escaped = step[at] == '~' && at + 1 < step.size();
        key.push_back(!escaped ? step[at] : step[++at] == '1' ? '/' : '~');
    }
    return key;
}

const nlohmann::json* member(const nlohmann::json& json, const std::string& key) {
    if (json.is_object()) {
        const auto found = json.find(key);
        return found == json.end() ? nullptr : &*found;
    }
    std::size_t index = 0;
    const auto* end = key.data() + key.size();
    const auto [stop, error] = std::from_chars(key.data(), end, index);
    if (!json.is_array() || error != std::errc{} || stop != end || index >= json.size())
        return nullptr;
    return &json[index];
}

const nlohmann::json* find(const nlohmann::json& json, std::string_view pointer) {
    const auto* at = &json;
    while (at != nullptr && !pointer.empty()) {
        pointer.remove_prefix(1);
        const auto step = pointer.substr(0, pointer.find('/'));
        at = member(*at, resolve(step));
        pointer.remove_prefix(step.size());
    }
    return at;
}

Result<double> read_json(std::string_view text, std::string_view pointer) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded()) return fail("the answer is no JSON");
    const auto* found = find(json, pointer);
    if (found == nullptr) return fail(fmt::format("nothing stands at {}", pointer));
    if (found->is_number()) return plausible_load(found->get<double>());
    if (found->is_string()) return read_number(found->get_ref<const std::string&>());
    return fail(fmt::format("what stands at {} is no number", pointer));
}

/// What follows "{...}", whose label values are quoted and may hold anything; nothing if that does
/// not end.
std::optional<std::string_view> behind_labels(std::string_view text) {
    bool quoted = false;
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (quoted && text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            quoted = !quoted;
        } else if (!quoted && text[at] == '}') {
            return text.substr(at + 1);
        }
    }
    return std::nullopt;
}

/// The value of a line "NAME{LABELS} VALUE TIME", if it is of this metric.
std::optional<std::string_view> sample_of(std::string_view line, std::string_view metric) {
    if (!line.starts_with(metric)) return std::nullopt;
    line.remove_prefix(metric.size());
    if (line.starts_with('{')) {
        const auto rest = behind_labels(line);
        if (!rest) return std::nullopt;
        line = *rest;
    }
    if (line.empty() || blanks.find(line.front()) == std::string_view::npos) return std::nullopt;
    line = trimmed(line);
    return line.substr(0, line.find_first_of(blanks));
}

Result<double> read_metric(std::string_view text, std::string_view metric) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        if (const auto sample = sample_of(line, metric)) return read_number(*sample);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return fail(fmt::format("the answer has no {}", metric));
}

struct Parts {
    std::string_view head;
    std::string_view body;
};

std::optional<Parts> split(std::string_view answer) {
    constexpr std::string_view end_of_head = "\r\n\r\n";
    const auto end = answer.find(end_of_head);
    if (end == std::string_view::npos) return std::nullopt;
    // Each header keeps its line end.
    return Parts{answer.substr(0, end + 2), answer.substr(end + end_of_head.size())};
}

/// The value of the first header of that name, which is in small letters.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
    const auto is_small = [](char sent, char small) {
        return sent == small || (sent >= 'A' && sent <= 'Z' && sent - 'A' + 'a' == small);
    };
    for (auto end = head.find("\r\n"); end != std::string_view::npos; end = head.find("\r\n")) {
        head.remove_prefix(end + 2);
        const auto line = head.substr(0, head.find("\r\n"));
        const auto colon = line.find(':');
        if (colon == name.size() && std::ranges::equal(line.substr(0, colon), name, is_small))
            return trimmed(line.substr(colon + 1));
    }
    return std::nullopt;
}

std::optional<std::size_t> content_length(std::string_view head) {
    const auto text = header(head, "content-length");
    if (!text) return std::nullopt;
    std::size_t length = 0;
    const auto* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, length);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return length;
}

}  // namespace

Result<double> plausible_load(double load) {
    if (std::isfinite(load) && load >= 0 && load <= greatest_load) return load;
    return fail(fmt::format("{} cannot be a load", load));
}

Result<double> read_load_text(std::string_view text, std::string_view value) {
    if (value.empty()) return read_number(text);
    if (value.starts_with('/')) return read_json(text, value);
    return read_metric(text, value);
}

Result<std::string_view> http_body(std::string_view answer) {
    // "HTTP/1.1 200": what follows is for people.
    constexpr std::size_t status_at = 9;
    constexpr std::size_t status_end = 12;
    if (!answer.starts_with("HTTP/1.") || answer.size() < status_end)
        return fail(fmt::format("{} is no answer of HTTP", in_quotes(answer)));
    const auto status = answer.substr(status_at, status_end - status_at);
    if (status != "200") return fail(fmt::format("status {}", in_quotes(status)));
    const auto parts = split(answer);
    if (!parts) return fail("the answer ends within its head");
    if (header(parts->head, "transfer-encoding"))
        return fail("the answer comes in chunks, which a request of HTTP/1.0 does not allow");
    const auto length = content_length(parts->head);
    if (length > parts->body.size()) return fail("the answer ends within its body");
    return parts->body.substr(0, length.value_or(parts->body.size()));
}

bool is_whole_http(std::string_view answer) {
    // Without an end of its head it would be searched again with each byte.
    constexpr std::size_t longest_head = 16'384;
    const auto parts = split(answer);
    if (!parts) return answer.size() > longest_head;
    const auto length = content_length(parts->head);
    return length && parts->body.size() >= *length;
}

}  // namespace shoal::health

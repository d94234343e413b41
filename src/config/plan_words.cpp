#include "config/plan_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/choices.h"
#include "model/text.h"

namespace shoal::config {

namespace {

constexpr std::size_t longest_value = 60;

/// Never within a character of UTF-8.
std::string shortened(const std::string& text) {
    if (text.size() <= longest_value) return text;
    std::size_t end = longest_value;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
    return text.substr(0, end) + "...";
}

/// "virtual server" for "virtual_server".
std::string noun_of(std::string_view key) {
    std::string noun(key);
    std::ranges::replace(noun, '_', ' ');
    return noun;
}

std::string place_text(const model::VirtualServer& service) {
    if (service.firewall_mark) return fmt::format("mark {}", *service.firewall_mark);
    return fmt::format("{} port {}/{}", service.address.address.to_string(),
                       model::format_port_range(service.port), model::name_of(service.protocol));
}

/// In brackets: where it is.
std::string details(const Difference& difference) {
    const auto& [service_before, service_after, server_before, server_after] = difference.subject;
    if (const auto* server = server_after ? server_after : server_before)
        return fmt::format(" ({})", server->address.to_string());
    if (const auto* service = service_after ? service_after : service_before)
        return fmt::format(" ({})", place_text(*service));
    return "";
}

std::string whole_table(const Difference& difference, std::string_view verb,
                        std::string_view preposition) {
    const auto& path = difference.path;
    auto text = fmt::format("{} {} {}{}", verb, noun_of(path.back().key), path.back().name,
                            details(difference));
    if (path.size() > 1) text += fmt::format(" {} {}", preposition, path.front().name);
    return text;
}

std::string order(const Path& path) {
    const auto nouns = noun_of(path.back().key) + "s";
    return path.size() > 1 ? fmt::format("order of the {} of {}", nouns, path.front().name)
                           : fmt::format("order of the {}", nouns);
}

std::string setting(const Difference& difference) {
    std::string keys;
    std::string owner;
    for (const auto& step : difference.path) {
        if (step.name.empty()) {
            keys += (keys.empty() ? "" : ".") + std::string(step.key);
        } else {
            keys.clear();
            owner = " of " + step.name;
        }
    }
    return fmt::format("{}{}: {} -> {}", keys, owner, shortened(difference.before),
                       shortened(difference.after));
}

}  // namespace

std::string what_changes(const Difference& difference) {
    switch (difference.kind) {
        case DifferenceKind::added:
            return whole_table(difference, "adds", "to");
        case DifferenceKind::removed:
            return whole_table(difference, "removes", "from");
        case DifferenceKind::reordered:
            return order(difference.path);
        case DifferenceKind::renamed:
        case DifferenceKind::changed:
            break;
    }
    return setting(difference);
}

}  // namespace shoal::config

#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::cli {

std::string format_age(std::int64_t milliseconds) {
    const auto seconds = std::max<std::int64_t>(milliseconds, 0) / 1000;
    const auto minutes = seconds / 60;
    const auto hours = minutes / 60;
    if (minutes == 0) return fmt::format("{} s", seconds);
    if (hours == 0) return fmt::format("{} min", minutes);
    if (hours < 24) return fmt::format("{} h {} min", hours, minutes % 60);
    return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string format_expiry(std::int64_t milliseconds) {
    const auto seconds = std::max<std::int64_t>(milliseconds, 0) / 1000;
    return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
}

std::string format_brief(std::uint64_t number) {
    if (number < 10'000) return fmt::to_string(number);
    double scaled = static_cast<double>(number);
    for (const char unit : {'K', 'M', 'G', 'T', 'P', 'E'}) {
        scaled /= 1000;
        // What would be rounded to a fourth digit belongs to the next unit.
        if (scaled < 9.995) return fmt::format("{:.2f}{}", scaled, unit);
        if (scaled < 99.95) return fmt::format("{:.1f}{}", scaled, unit);
        if (scaled < 999.5) return fmt::format("{:.0f}{}", scaled, unit);
    }
    return fmt::to_string(number);
}

Cell number_cell(std::uint64_t number) {
    return {.text = fmt::to_string(number), .brief = format_brief(number)};
}

std::string format_endpoint(const net::Address& address, std::uint16_t port) {
    return fmt::format(fmt::runtime(address.is_v6() ? "[{}]:{}" : "{}:{}"), address.to_string(),
                       port);
}

std::string format_many(std::uint64_t count, const std::string& noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace shoal::cli

#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/text.h"

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

std::string format_weight(std::uint32_t weight, std::uint32_t scale) {
    if (scale <= 1) return std::to_string(weight);
    auto text = fmt::format("{:.2f}", static_cast<double>(weight) / scale);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}

std::string format_ports(const model::PortRange& ports) {
    return ports.is_any() ? "any" : model::format_port_range(ports);
}

std::string format_endpoint(const net::Address& address, std::span<const model::PortRange> ports) {
    auto text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    char before = ':';
    for (const auto& range : ports) {
        text += before + format_ports(range);
        before = ',';
    }
    return text;
}

std::string format_endpoint(const net::Address& address, const model::PortRange& ports) {
    return format_endpoint(address, std::span(&ports, 1));
}

std::string format_virtual_server(const model::VirtualServerStatus& service) {
    const std::string protocol = service.protocol == model::Protocol::tcp ? "TCP" : "UDP";
    const auto& address = service.address.address;
    if (!service.firewall_mark)
        return fmt::format("{:<4} {}", protocol, format_endpoint(address, service.port));
    // Its own port names it among the virtual servers of the mark.
    const auto endpoint = service.port.is_any() && !service.mark_ports.empty()
                              ? format_endpoint(address, service.mark_ports)
                              : format_endpoint(address, service.port);
    return fmt::format("{:<4} {} mark {}", protocol, endpoint, *service.firewall_mark);
}

std::string format_many(std::uint64_t count, const std::string& noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace shoal::cli

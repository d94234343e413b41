#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace shoal::config {

/// The port of a service as /etc/services names it; `protocol` is "tcp" or "udp".
std::optional<std::uint16_t> service_port(const std::string& name, const char* protocol);

}  // namespace shoal::config

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/table.h"
#include "model/status.h"
#include "net/address.h"

namespace shoal::cli {

/// "5 s", "4 min", "3 h 20 min", "12 d 4 h". Negative ones (clocks that were set) are "0 s".
std::string format_age(std::int64_t milliseconds);
/// As ipvsadm shows what is left of a connection: "14:59"; hours are more than 60 minutes.
std::string format_expiry(std::int64_t milliseconds);
/// At most five characters: "9999", "12.3K", "1.23M", "987G" (thousands, millions, ...).
std::string format_brief(std::uint64_t number);
/// In full, with the brief form for narrow terminals.
Cell number_cell(std::uint64_t number);
/// A weight of which `scale` make one of the file's: "3", "0.55".
std::string format_weight(std::uint32_t weight, std::uint32_t scale);
/// "80", "8000-8100", "any".
std::string format_ports(const model::PortRange& ports);
/// "192.0.2.80:80", "[2001:db8::1]:80"; several ranges as "192.0.2.80:80,443".
std::string format_endpoint(const net::Address& address, std::span<const model::PortRange> ports);
std::string format_endpoint(const net::Address& address, const model::PortRange& ports);
/// A virtual server as the lists begin it: "TCP  192.0.2.80:80", "TCP  192.0.2.80:443 mark 80".
std::string format_virtual_server(const model::VirtualServerStatus& service);
/// "1 problem", "2 problems".
std::string format_many(std::uint64_t count, const std::string& noun);

}  // namespace shoal::cli

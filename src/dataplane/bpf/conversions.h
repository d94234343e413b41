#pragma once

#include <optional>
#include <string_view>

#include "abi.h"
#include "dataplane/dataplane.h"

// Between the values of the program and the layouts of bpf/abi.h.

namespace shoal::dataplane {

shoal_service_key to_key(const ServiceKey& key);
/// The 16 bytes of an address field.
void put_address(__be32 (&field)[4], const net::Address& address);
/// `family` is 6, or anything else for IPv4.
net::Address address_of(const __be32 (&field)[4], __u32 family);
/// One word of an address, as loaded by the CPU: what filters and rings hash.
__u32 fold_address(const __be32 (&field)[4]);
__u32 fold_address(const net::Address& address);
/// Address and port of a record, with the port in host byte order.
ServerKey server_key(const shoal_server& record);

__u32 to_abi(model::Scheduler scheduler);
model::Scheduler scheduler_from(__u32 value);
__u8 to_abi(model::ForwardingMethod method);
model::ForwardingMethod method_from(__u8 value);
__u8 to_abi(model::TunnelType type);
model::TunnelType tunnel_from(__u8 value);

/// IPVS's name of a connection state, "ESTABLISHED", or "TEMPLATE"; empty for states that are none
/// of a live connection (free, pending, dead).
std::string_view state_name(__u8 state);

/// Rounded up to whole ticks.
__u32 to_jiffies(model::milliseconds time, __u32 hz);
model::milliseconds to_milliseconds(__u32 jiffies, __u32 hz);
void put_timeouts(shoal_settings& settings, const model::ConnectionTimeouts& timeouts);
model::ConnectionTimeouts timeouts_from(const shoal_settings& settings);

}  // namespace shoal::dataplane

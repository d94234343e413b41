// The written forms of single values: what is read can be written and reads the same again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/text.h"
#include "net/address.h"

namespace {

/// `write(value)` reads back as `value`.
template <class Value, class Read, class Write>
void round_trip(const shoal::Result<Value>& value, Read read, Write write) {
    if (!value) return;
    const auto again = read(write(*value));
    if (!again || *again != *value) std::abort();
}

}  // namespace

namespace model = shoal::model;
namespace net = shoal::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    round_trip(model::parse_duration(text), model::parse_duration, model::format_duration);
    round_trip(model::parse_exchange(text), model::parse_exchange, model::format_exchange);
    round_trip(model::parse_device_label(text), model::parse_device_label,
               [](const model::DeviceLabel& label) { return label.label; });
    round_trip(model::parse_name(text), model::parse_name, [](const auto& name) { return name; });
    round_trip(model::parse_port_range(text), model::parse_port_range, model::format_port_range);
    round_trip(model::parse_network_mask(text), model::parse_network_mask,
               [](model::NetworkMask mask) { return model::toml_text(mask); });
    round_trip(net::Address::parse(text), net::Address::parse,
               [](const net::Address& address) { return address.to_string(); });
    round_trip(net::Prefix::parse(text), net::Prefix::parse,
               [](const net::Prefix& prefix) { return prefix.to_string(); });
    return 0;
}

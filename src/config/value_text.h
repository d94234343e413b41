#pragma once

#include <fmt/format.h>

#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "model/schema.h"
#include "model/text.h"

// Values of settings as they stand in sentences.

namespace shoal::config {

template <std::integral Value>
std::string text_of(Value value, model::TextForm) {
    return fmt::format("{}", value);
}

inline std::string text_of(const std::string& text, model::TextForm form) {
    return fmt::format("\"{}\"",
                       form == model::TextForm::exchange ? model::format_exchange(text) : text);
}

inline std::string text_of(model::milliseconds duration, model::TextForm) {
    return model::format_duration(duration);
}

inline std::string text_of(const net::Address& address, model::TextForm) {
    return address.to_string();
}

inline std::string text_of(const net::Prefix& prefix, model::TextForm) {
    return prefix.to_string();
}

inline std::string text_of(const model::PortRange& ports, model::TextForm) {
    return model::format_port_range(ports);
}

inline std::string text_of(const model::StatusRange& status, model::TextForm) {
    return model::format_status_range(status);
}

inline std::string text_of(model::NetworkMask mask, model::TextForm) {
    return fmt::format("{}", mask.length);
}

inline std::string text_of(const model::DeviceLabel& device, model::TextForm) {
    return device.label;
}

template <model::Enumerated E>
std::string text_of(E value, model::TextForm) {
    return std::string(model::name_of(value));
}

inline std::string text_of(const model::NatRouter& router, model::TextForm) {
    return fmt::format("{} on {}", router.address.to_string(), router.device.label);
}

inline std::string text_of(const model::SorryServer& sorry, model::TextForm) {
    return sorry.address.to_string();
}

template <class Value>
std::string text_of(const std::vector<Value>& list, model::TextForm form) {
    std::string text;
    for (const auto& item : list)
        text += (text.empty() ? "" : ", ") + text_of(item, form);
    return list.empty() ? "none" : text;
}

template <class Value>
std::string text_of(const std::optional<Value>& value, model::TextForm form) {
    return value ? text_of(*value, form) : "not set";
}

}  // namespace shoal::config

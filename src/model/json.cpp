#include "model/json.h"

#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "model/settings.h"

namespace shoal::model {

namespace {

template <class Value>
    requires std::integral<Value>
nlohmann::json json_of(Value value, TextForm) {
    return value;
}

nlohmann::json json_of(const std::string& text, TextForm form) {
    return form == TextForm::exchange ? format_exchange(text) : text;
}

nlohmann::json json_of(milliseconds duration, TextForm) {
    return format_duration(duration);
}

nlohmann::json json_of(const net::Address& address, TextForm) {
    return address.to_string();
}

nlohmann::json json_of(const net::Prefix& prefix, TextForm) {
    return prefix.to_string();
}

nlohmann::json json_of(const PortRange& ports, TextForm) {
    if (ports.first == ports.last) return ports.first;
    return format_port_range(ports);
}

nlohmann::json json_of(const StatusRange& status, TextForm form) {
    return json_of(PortRange(status.first, status.last), form);
}

nlohmann::json json_of(NetworkMask mask, TextForm) {
    return mask.length;
}

nlohmann::json json_of(const DeviceLabel& device, TextForm) {
    return device.label;
}

template <Enumerated E>
nlohmann::json json_of(E value, TextForm) {
    return name_of(value);
}

template <Described Owner>
nlohmann::json json_of(const Owner& owner, TextForm);

template <class Value>
nlohmann::json json_of(const std::vector<Value>& list, TextForm form) {
    auto array = nlohmann::json::array();
    for (const auto& item : list)
        array.push_back(json_of(item, form));
    return array;
}

template <class Value>
void put(nlohmann::json& object, const Description& description, const Value& value) {
    object[std::string(description.key)] = json_of(value, description.form);
}

/// What is not set is left out.
template <class Value>
void put(nlohmann::json& object, const Description& description,
         const std::optional<Value>& value) {
    if (value) put(object, description, *value);
}

template <Described Owner>
nlohmann::json json_of(const Owner& owner, TextForm) {
    auto object = nlohmann::json::object();
    for_each_setting<Owner>(
        [&](const auto& row) { put(object, row.description, owner.*row.member); });
    return object;
}

}  // namespace

nlohmann::json to_json(const Configuration& configuration) {
    return json_of(configuration, TextForm::name);
}

}  // namespace shoal::model

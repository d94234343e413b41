#include "model/schema.h"

#include <fmt/format.h>

#include <concepts>
#include <type_traits>

#include "model/settings.h"

namespace shoal::model {

namespace {

template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;

template <Enumerated E>
std::string choices_text() {
    std::string text = "one of";
    for (const auto& choice : Choices<E>::all)
        text += fmt::format(" `{}`", choice.name);
    return text;
}

/// "an address": "address"
std::string without_article(std::string_view words) {
    return std::string(words.substr(words.find(' ') + 1));
}

template <class Value>
std::string type_text(TextForm form) {
    if constexpr (Enumerated<Value>) return choices_text<Value>();
    if constexpr (std::same_as<Value, bool>) return "`true` or `false`";
    if constexpr (std::integral<Value>) return "whole number";
    if constexpr (std::same_as<Value, milliseconds>) {
        return "time span: `\"6s\"`, `\"200ms\"`, `\"1.5s\"`, `\"2m\"`, or a whole number of "
               "seconds";
    }
    if constexpr (std::same_as<Value, net::Address>) return "IP address";
    if constexpr (std::same_as<Value, net::Prefix>) {
        return form == TextForm::network ? "network with prefix length"
                                         : "IP address with prefix length";
    }
    if constexpr (std::same_as<Value, DeviceLabel>) return "device with alias label";
    if constexpr (std::same_as<Value, PortRange>) return "port, range of ports or `0`";
    if constexpr (std::same_as<Value, NetworkMask>) {
        return "network mask: `24`, `\"/24\"` or `\"255.255.255.0\"`";
    }
    if constexpr (std::same_as<Value, StatusRange>) return "status code or range of them";
    if constexpr (Shortened<Value>)
        return without_article(Schema<Value>::short_form.value) + " or table";
    if constexpr (is_list<Value>) {
        using Element = typename Value::value_type;
        if constexpr (Described<Element> && !Shortened<Element>) {
            return "list of tables";
        } else {
            return "list: " + type_text<Element>(form);
        }
    }
    if constexpr (Described<Value>) return "table";
    return form == TextForm::device_name ? "name of a network device" : "text";
}

template <class Owner, class Value>
std::string default_text(const Setting<Owner, Value>& row) {
    const auto& description = row.description;
    if (description.required) return "";
    if (!description.default_text.empty()) return std::string(description.default_text);
    return fmt::format("`{}`", example_of(row));
}

template <class Owner, class Value>
std::string limits_text(const Setting<Owner, Value>& row) {
    if constexpr (std::same_as<Value, std::string>) {
        const auto most = row.description.limits.most;
        return most == 0 ? "" : fmt::format("at most {} bytes", most);
    }
    return range_text<plain_t<Value>>(row.description.limits);
}

template <class Owner>
SectionView describe() {
    SectionView view{Schema<Owner>::section, {}};
    for_each_setting<Owner>([&]<class Value>(const Setting<Owner, Value>& row) {
        view.settings.push_back({row.description, type_text<plain_t<Value>>(row.description.form),
                                 limits_text(row), default_text(row)});
    });
    return view;
}

}  // namespace

std::vector<SectionView> describe_settings() {
    return {describe<Global>(),          describe<NatRouter>(),      describe<ConnectionTimeouts>(),
            describe<Redundancy>(),      describe<VrrpInstance>(),   describe<VrrpAddress>(),
            describe<TrackedDevice>(),   describe<TrackedCommand>(), describe<Device>(),
            describe<MarkRule>(),        describe<VirtualServer>(),  describe<SorryServer>(),
            describe<Monitor>(),         describe<LoadMonitor>(),    describe<RealServer>(),
            describe<MonitorOverride>(), describe<Notification>()};
}

}  // namespace shoal::model

#include "config/toml_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "model/settings.h"

namespace shoal::config {

namespace {

using model::Described;
using model::Description;
using model::Enumerated;
using model::Schema;
using model::TextForm;

// Each toml_of() is one value in a line.

/// A literal string where that spares backslashes: 'GET / HTTP/1.0\r\n\r\n'.
std::string quoted(const std::string& text) {
    if (text.contains('\\') && !text.contains('\'')) return fmt::format("'{}'", text);
    // What JSON escapes, TOML does; the model has no other control characters.
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string toml_of(const std::string& text, TextForm form) {
    return quoted(form == TextForm::exchange ? model::format_exchange(text) : text);
}

template <class Value>
    requires requires(Value value) { model::toml_text(value); }
std::string toml_of(const Value& value, TextForm) {
    return model::toml_text(value);
}

std::string toml_of(const net::Address& address, TextForm) {
    return quoted(address.to_string());
}

std::string toml_of(const net::Prefix& prefix, TextForm) {
    return quoted(prefix.to_string());
}

std::string toml_of(const model::DeviceLabel& device, TextForm) {
    return quoted(device.label);
}

template <Described Owner>
std::string toml_of(const Owner& owner, TextForm form);

template <class Value>
std::string toml_of(const std::optional<Value>& value, TextForm form) {
    return toml_of(*value, form);
}

template <class Value>
std::string toml_of(const std::vector<Value>& list, TextForm form) {
    std::vector<std::string> items;
    for (const auto& item : list)
        items.push_back(toml_of(item, form));
    return fmt::format("[{}]", fmt::join(items, ", "));
}

/// Only the setting of the short form differs from the default.
template <class Owner>
bool has_short_form(const Owner& owner) {
    if constexpr (model::Shortened<Owner>) {
        constexpr auto member = Schema<Owner>::short_form.member;
        Owner like{};
        like.*member = owner.*member;
        return like == owner;
    } else {
        return false;
    }
}

template <class Owner, class Value>
bool is_written(const Owner& owner, const model::Setting<Owner, Value>& row) {
    return row.description.required || owner.*row.member != Owner{}.*row.member;
}
/// The defaults of these depend on others, see read_model().
template <class Value>
bool is_written(const model::VirtualServer& service,
                const model::Setting<model::VirtualServer, Value>& row) {
    if constexpr (std::same_as<Value, model::PortRange>) {
        return service.firewall_mark ? !service.port.is_any()
                                     : service.port != model::PortRange(80);
    } else if constexpr (std::same_as<Value, model::Monitor>) {
        return true;
    } else {
        return row.description.required ||
               service.*row.member != model::VirtualServer{}.*row.member;
    }
}

/// What kind of check it is should be seen.
template <class Value>
bool is_written(const model::Monitor& monitor, const model::Setting<model::Monitor, Value>& row) {
    return std::same_as<Value, model::MonitorType> ||
           monitor.*row.member != model::Monitor{}.*row.member;
}

template <Described Owner>
std::string toml_of(const Owner& owner, TextForm) {
    if constexpr (model::Shortened<Owner>) {
        if (has_short_form(owner))
            return toml_of(owner.*(Schema<Owner>::short_form.member), TextForm::line);
    }
    std::vector<std::string> items;
    model::for_each_setting<Owner>([&](const auto& row) {
        if (!is_written(owner, row)) return;
        items.push_back(fmt::format("{} = {}", row.description.key,
                                    toml_of(owner.*row.member, row.description.form)));
    });
    return fmt::format("{{ {} }}", fmt::join(items, ", "));
}

/// A struct of the model below std::optional and std::vector.
template <class Value>
struct TableOf {
    using type = Value;
};
template <class Value>
struct TableOf<std::optional<Value>> : TableOf<Value> {};
template <class Value>
struct TableOf<std::vector<Value>> : TableOf<Value> {};
template <class Value>
using table_of_t = typename TableOf<Value>::type;

/// It has a heading of its own, rather than a place in a line.
template <class Value>
constexpr bool has_heading() {
    if constexpr (Described<table_of_t<Value>>) {
        return Schema<table_of_t<Value>>::section.heading.starts_with('[');
    } else {
        return false;
    }
}

class Writer {
  public:
    explicit Writer(const model::Configuration& configuration) : configuration_(configuration) {}

    template <Described Owner>
    void settings(const Owner& owner) {
        model::for_each_setting<Owner>([&]<class Value>(const model::Setting<Owner, Value>& row) {
            if (!is_written(owner, row) || is_below(owner.*row.member)) return;
            text_ += fmt::format("{} = {}\n", row.description.key,
                                 toml_of(owner.*row.member, row.description.form));
        });
        model::for_each_setting<Owner>([&]<class Value>(const model::Setting<Owner, Value>& row) {
            if constexpr (has_heading<Value>()) {
                if (is_written(owner, row) && is_below(owner.*row.member))
                    tables(owner, owner.*row.member);
            }
        });
    }

    std::string take() { return std::move(text_); }

  private:
    template <class Value>
    static bool is_below(const Value& value) {
        return has_heading<Value>() && !has_short_form(value);
    }

    template <class Owner, Described Value>
    void tables(const Owner&, const Value& value) {
        heading<Value>();
        settings(value);
    }
    template <class Owner, Described Value>
    void tables(const Owner&, const std::vector<Value>& list) {
        for (const auto& value : list) {
            heading<Value>();
            settings(value);
        }
    }
    /// Without this table another check than Monitor's default is meant.
    void tables(const model::VirtualServer& service, const model::Monitor& monitor) {
        if (monitor == model::default_monitor(service.protocol,
                                              model::check_port(configuration_, service, {})))
            return;
        heading<model::Monitor>();
        settings(monitor);
    }

    template <Described Value>
    void heading() {
        if (!text_.empty()) text_ += '\n';
        text_ += fmt::format("{}\n", Schema<Value>::section.heading);
    }

    const model::Configuration& configuration_;
    std::string text_;
};

}  // namespace

std::string to_toml(const model::Configuration& configuration) {
    Writer writer(configuration);
    writer.settings(configuration);
    return writer.take();
}

}  // namespace shoal::config

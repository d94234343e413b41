#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model/choices.h"
#include "model/configuration.h"
#include "model/text.h"

// How a setting is described. Every setting has one row in a table of model/settings.h, and from
// that row come the reader of shoal.toml, the JSON of the API and the page
// docs/reference/settings.md. To add a setting: add a member in configuration.h and a row in
// settings.h.

namespace shoal::model {

/// The smallest and the largest value allowed; of a time span in milliseconds.
struct Limits {
    std::int64_t least = 0;
    std::int64_t most = 0;
    bool power_of_two = false;
    /// Not empty: only these.
    std::span<const std::uint32_t> only = {};
};

/// What a text may hold (model/text.h), and whether a prefix is an address in a network or the
/// network itself. `line`: a path, a host, a word of a command, a pattern.
enum class TextForm { name, device_name, exchange, network, line };

struct Description {
    /// As it stands in the file.
    std::string_view key;
    /// As it stands on screen; Piranha's label where Piranha has the field.
    std::string_view title;
    std::string_view help;
    /// What happens when it is changed on a running director.
    std::string_view effect;
    /// Its names in lvs.cf.
    std::string_view legacy = {};
    Limits limits = {};
    /// Where the default is not a fixed value: "a third of the service timeout".
    std::string_view default_text = {};
    /// A value as TOML writes it, for settings without a fixed default.
    std::string_view example = {};
    bool required = false;
    TextForm form = TextForm::name;
};

template <class Owner, class Value>
struct Setting {
    Value Owner::* member;
    Description description;
};

template <class Owner, class Value>
consteval Setting<Owner, Value> setting(Value Owner::* member, Description description) {
    return {member, description};
}

/// A table of the file.
struct Section {
    /// In messages: "virtual server".
    std::string_view name;
    /// As the file writes it: "[[virtual_server]]".
    std::string_view heading;
    std::string_view help;
};

/// Specialised in model/settings.h for every struct that is a table of the file: `section` and
/// `settings`, a tuple of Setting.
template <class Owner>
struct Schema;

template <class T>
concept Described = requires { Schema<T>::settings; };

/// How a table is written that has nothing but one setting: as this setting's value.
template <class Owner, class Value>
struct ShortForm {
    Value Owner::* member;
    /// "an address"
    std::string_view value;
};

/// A table with a short form: its Schema has a ShortForm `short_form` besides.
template <class T>
concept Shortened = Described<T> && requires { Schema<T>::short_form; };

/// Calls `visit` with every Setting of Owner, in the order of its table.
template <Described Owner, class Visit>
constexpr void for_each_setting(Visit&& visit) {
    std::apply([&](const auto&... row) { (visit(row), ...); }, Schema<Owner>::settings);
}

/// A row without its type, for pages and forms.
struct SettingView {
    Description description;
    /// "whole number", "time span", "one of nat, direct, tunnel" ...
    std::string type;
    /// "1 to 65535", "100ms to 1h"; empty where nothing is limited.
    std::string range;
    /// In words where it is not fixed; empty for a required setting.
    std::string default_value;
};

struct SectionView {
    Section section;
    std::vector<SettingView> settings;
};

/// Every table of the file with every setting in it, outer ones first.
std::vector<SectionView> describe_settings();

/// "1 to 65535", "100ms to 1h", "251, 509"; empty where nothing is limited.
template <class Value>
std::string range_text(const Limits& limits) {
    if (!limits.only.empty()) return fmt::format("{}", fmt::join(limits.only, ", "));
    if (limits.most == 0) return "";
    if constexpr (std::same_as<Value, milliseconds>) {
        return format_duration(milliseconds{limits.least}) + " to " +
               format_duration(milliseconds{limits.most});
    } else {
        return (limits.power_of_two ? "a power of two from " : "") + std::to_string(limits.least) +
               " to " + std::to_string(limits.most);
    }
}

/// The type below std::optional.
template <class Value>
struct Plain {
    using type = Value;
};
template <class Value>
struct Plain<std::optional<Value>> {
    using type = Value;
};
template <class Value>
using plain_t = typename Plain<Value>::type;

/// A value that the setting may have, as TOML writes it: its example, else its default.
template <class Owner, class Value>
std::string example_of(const Setting<Owner, Value>& row) {
    if (!row.description.example.empty()) return std::string(row.description.example);
    if constexpr (requires(Value value) { toml_text(value); })
        return toml_text(Owner{}.*row.member);
    return "";
}

}  // namespace shoal::model

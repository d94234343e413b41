#include "config/edit/setting_facts.h"

#include <concepts>
#include <vector>

#include "model/settings.h"

namespace shoal::config::edit {

namespace {

using Facts = std::map<std::string, SettingFacts, std::less<>>;

/// The type below std::optional and std::vector.
template <class Value>
struct Bare {
    using type = Value;
    static constexpr bool is_optional = false;
};
template <class Value>
struct Bare<std::optional<Value>> {
    using type = Value;
    static constexpr bool is_optional = true;
};
template <class Value>
struct Bare<std::vector<Value>> {
    using type = Value;
    static constexpr bool is_optional = true;
};

template <model::Shortened Owner>
std::string short_key_of() {
    std::string key;
    constexpr auto short_form = model::Schema<Owner>::short_form.member;
    model::for_each_setting<Owner>([&](const auto& row) {
        if constexpr (std::same_as<decltype(row.member), decltype(short_form)>)
            if (row.member == short_form) key = row.description.key;
    });
    return key;
}

template <model::Described Owner>
void collect(Facts& facts, const std::string& before) {
    model::for_each_setting<Owner>([&]<class Value>(const model::Setting<Owner, Value>& row) {
        using Inner = Bare<Value>;
        const auto path = before + std::string(row.description.key);
        auto& fact = facts[path];
        fact.is_optional = Inner::is_optional;
        if constexpr (model::Shortened<typename Inner::type>)
            fact.short_key = short_key_of<typename Inner::type>();
        if constexpr (model::Described<typename Inner::type>) {
            collect<typename Inner::type>(facts, path + ".");
        } else if constexpr (std::same_as<Value, std::string>) {
            // No text at all is better left out.
            const std::string text = Owner{}.*row.member;
            if (!row.description.required && !text.empty())
                fact.default_text = model::toml_text(text);
        } else if constexpr (requires(Value value) { model::toml_text(value); }) {
            if (!row.description.required)
                fact.default_text = model::toml_text(Owner{}.*row.member);
        }
    });
}

}  // namespace

const Facts& setting_facts() {
    static const Facts facts = [] {
        Facts all;
        collect<model::Configuration>(all, "");
        return all;
    }();
    return facts;
}

}  // namespace shoal::config::edit

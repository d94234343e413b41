#pragma once

#include <map>
#include <string>

namespace shoal::config::edit {

/// What the schema says of a setting, as far as edits must know it.
struct SettingFacts {
    /// The default as TOML writes it; empty where it is not fixed, or none.
    std::string default_text;
    /// It may be unset.
    bool is_optional = false;
    /// Of a table that may be written as one value: which setting that is.
    std::string short_key;
};

/// By path: "virtual_server.monitor.type".
const std::map<std::string, SettingFacts, std::less<>>& setting_facts();

}  // namespace shoal::config::edit

#include "config/conflict.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "model/json.h"

namespace shoal::config {

namespace {

using nlohmann::json;
using Fields = std::map<std::string, std::string>;

/// What a table of a list is called, unless others of the list are called the same.
std::string name_of(const json& table) {
    for (const auto* key : {"name", "value"}) {
        const auto name = table.find(key);
        if (name != table.end()) return name->is_string() ? name->get<std::string>() : name->dump();
    }
    return "";
}

bool is_list_of_tables(const json& value) {
    return value.is_array() && !value.empty() && value.front().is_object();
}

std::string within(const std::string& where, const std::string& what) {
    return where.empty() ? what : where + ", " + what;
}

void collect(const json& table, const std::string& where, Fields& fields);

void collect_list(const json& list, const std::string& where, Fields& fields) {
    std::map<std::string, int> seen;
    for (const auto& table : list) {
        const auto name = name_of(table);
        // Several rules may have one mark.
        const int count = ++seen[name];
        collect(table,
                count == 1 ? fmt::format("{} {}", where, name)
                           : fmt::format("{} {} ({})", where, name, count),
                fields);
    }
}

void collect(const json& table, const std::string& where, Fields& fields) {
    for (const auto& [key, value] : table.items()) {
        const auto path = within(where, key);
        if (value.is_object())
            collect(value, path, fields);
        else if (is_list_of_tables(value))
            collect_list(value, path, fields);
        else if (!value.is_array() || !value.empty())
            fields.emplace(path, value.dump(-1, ' ', false, json::error_handler_t::replace));
    }
}

Fields fields_of(const model::Configuration& configuration) {
    Fields fields;
    collect(model::to_json(configuration), "", fields);
    return fields;
}

std::string value_in(const Fields& fields, const std::string& field) {
    const auto found = fields.find(field);
    return found == fields.end() ? "" : found->second;
}

}  // namespace

std::vector<FieldConflict> conflicts(const model::Configuration& base,
                                     const model::Configuration& theirs,
                                     const model::Configuration& ours) {
    const auto base_fields = fields_of(base);
    const auto their_fields = fields_of(theirs);
    const auto our_fields = fields_of(ours);
    std::set<std::string> names;
    for (const auto* fields : {&base_fields, &their_fields, &our_fields}) {
        for (const auto& [name, value] : *fields)
            names.insert(name);
    }
    std::vector<FieldConflict> found;
    for (const auto& name : names) {
        FieldConflict field{name, value_in(base_fields, name), value_in(their_fields, name),
                            value_in(our_fields, name)};
        if (field.theirs != field.base && field.ours != field.base && field.theirs != field.ours)
            found.push_back(std::move(field));
    }
    return found;
}

}  // namespace shoal::config

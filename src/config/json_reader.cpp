#include "config/json_reader.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/model_reader.h"
#include "config/validation.h"

namespace shoal::config {

namespace {

/// Below this depth no setting is found, and nothing is looked at.
constexpr int max_depth = 8;

Node node_of(const nlohmann::json& json, int depth);

Table table_of(const nlohmann::json& json, int depth) {
    Table table;
    for (const auto& [key, value] : json.items()) {
        table.entries.push_back({key, {}, node_of(value, depth + 1)});
    }
    return table;
}

std::int64_t integer_of(const nlohmann::json& json) {
    if (json.is_number_unsigned() &&
        std::cmp_greater(json.get<std::uint64_t>(), std::numeric_limits<std::int64_t>::max())) {
        return std::numeric_limits<std::int64_t>::max();
    }
    return json.get<std::int64_t>();
}

Node node_of(const nlohmann::json& json, int depth) {
    Node node;
    if (depth > max_depth) return node;
    if (json.is_object()) {
        node.value = table_of(json, depth);
    } else if (json.is_array()) {
        List list;
        for (const auto& item : json)
            list.push_back(node_of(item, depth + 1));
        node.value = std::move(list);
    } else if (json.is_string()) {
        node.value = json.get<std::string>();
    } else if (json.is_boolean()) {
        node.value = json.get<bool>();
    } else if (json.is_number_integer()) {
        node.value = integer_of(json);
    } else if (json.is_number_float()) {
        node.value = json.get<double>();
    }
    return node;
}

}  // namespace

std::expected<model::Configuration, std::vector<Problem>> read_json(const nlohmann::json& json,
                                                                    const ReadOptions& options) {
    if (!json.is_object()) {
        return std::unexpected(std::vector{Problem{0, 0, "a configuration is an object", ""}});
    }
    auto document = table_of(json, 0);
    ProblemList problems;
    auto configuration = read_model(document, problems);
    validate(configuration, document, options, problems);
    if (!problems.empty()) return std::unexpected(problems.take());
    return configuration;
}

}  // namespace shoal::config

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "config/document.h"

// How importers build the tables that read_model() reads.

namespace shoal::config {

inline Node node(bool value, Position place) {
    return {value, place};
}
inline Node node(std::int64_t value, Position place) {
    return {value, place};
}
inline Node node(std::string value, Position place) {
    return {std::move(value), place};
}
inline Node node(List value, Position place) {
    return {std::move(value), place};
}
inline Node node(Table value, Position place) {
    return {std::move(value), place};
}

/// Puts the node in its place among the entries; a former one of that key is replaced.
inline void put(Table& table, std::string_view key, Node value) {
    const auto entry = std::ranges::lower_bound(table.entries, key, {}, &Entry::key);
    if (entry != table.entries.end() && entry->key == key) {
        entry->node = std::move(value);
        return;
    }
    const auto place = value.position;
    table.entries.insert(entry, Entry{std::string(key), place, std::move(value)});
}

}  // namespace shoal::config

#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "model/configuration.h"

// The tables of a document beside the values that were read from them, so that what is wrong with a
// value can be said where it stands.

namespace shoal::config {

/// A table in the document's list of that name.
struct ListedTable {
    const Table* table;
    Position position;
};

/// The tables of the list `key`; what is no table in it is left out, as the reader does.
std::vector<ListedTable> tables_of(std::string_view key, const Table& document);

/// A table of the document with the value that was read from it.
template <class Value>
struct Part {
    const Table& table;
    Position position;
    const Value& value;

    /// Where a setting stands, or its table where the default holds; unset where it was refused or
    /// is missing though required, and nothing can be concluded from it.
    std::optional<Position> place(std::string_view key) const {
        const auto* entry = table.find(key);
        if (entry == nullptr) return position;
        if (entry->node.refused) return std::nullopt;
        return entry->node.position;
    }
    /// Where a setting stands, if it stands there and is good.
    std::optional<Position> given(std::string_view key) const {
        return table.find(key) == nullptr ? std::nullopt : place(key);
    }
    /// Where an item of a list stands that is good; the list itself where it is written without
    /// brackets.
    Position item_place(std::string_view key, std::size_t index) const {
        const auto& node = table.find(key)->node;
        const auto* list = std::get_if<List>(&node.value);
        return list == nullptr ? node.position : list->at(index).position;
    }
};

using ServicePart = Part<model::VirtualServer>;
using ServerPart = Part<model::RealServer>;
using RulePart = Part<model::MarkRule>;

template <class Value>
std::vector<Part<Value>> parts(std::string_view key, const Table& table,
                               const std::vector<Value>& values) {
    std::vector<Part<Value>> parts;
    for (const auto& [element, position] : tables_of(key, table))
        parts.push_back({*element, position, values[parts.size()]});
    return parts;
}

/// The table `key` within a table, with the member that was read from it; unset where there is
/// none.
template <class Owner, class Value>
std::optional<Part<Value>> part_of(const Part<Owner>& owner, std::string_view key,
                                   Value Owner::* member) {
    const auto* entry = owner.table.find(key);
    const auto* table = entry == nullptr ? nullptr : std::get_if<Table>(&entry->node.value);
    if (table == nullptr) return std::nullopt;
    return Part<Value>{*table, entry->node.position, owner.value.*member};
}

inline std::vector<ServerPart> servers_of(const ServicePart& service) {
    return parts("real_server", service.table, service.value.real_servers);
}

}  // namespace shoal::config

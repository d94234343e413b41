#include "config/parts.h"

namespace shoal::config {

std::vector<ListedTable> tables_of(std::string_view key, const Table& document) {
    std::vector<ListedTable> tables;
    const auto* entry = document.find(key);
    const auto* list = entry == nullptr ? nullptr : std::get_if<List>(&entry->node.value);
    if (list == nullptr) return tables;
    for (const auto& node : *list) {
        if (const auto* table = std::get_if<Table>(&node.value))
            tables.push_back({table, node.position});
    }
    return tables;
}

}  // namespace shoal::config

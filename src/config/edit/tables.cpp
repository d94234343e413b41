#include "config/edit/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace shoal::config::edit {

namespace {

bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

std::unique_ptr<TableNode> table_below(const TableNode& owner, const std::string& key) {
    auto table = std::make_unique<TableNode>();
    table->keys = owner.keys;
    table->keys.push_back(key);
    table->path = owner.path.empty() ? "" : owner.path + '.';
    table->path += !key.empty() && std::ranges::all_of(key, is_bare) ? key : '\'' + key + '\'';
    return table;
}

/// The table `key` in `table`, made where there is none; of a list the last one. Null: the key is
/// something else.
TableNode* descend(TableNode& table, const std::string& key) {
    auto* entry = table.find(key);
    if (entry == nullptr) {
        table.entries.push_back({key, table_below(table, key)});
        return std::get<std::unique_ptr<TableNode>>(table.entries.back().what).get();
    }
    if (auto* node = std::get_if<std::unique_ptr<TableNode>>(&entry->what)) return node->get();
    auto* list = std::get_if<TableNodes>(&entry->what);
    return list == nullptr || list->empty() ? nullptr : list->back().get();
}

TableNode* table_of_list(TableNode& table, const std::string& key) {
    auto* entry = table.find(key);
    if (entry == nullptr) {
        table.entries.push_back({key, TableNodes{}});
        entry = &table.entries.back();
    }
    auto* list = std::get_if<TableNodes>(&entry->what);
    if (list == nullptr) return nullptr;
    return list->emplace_back(table_below(table, key)).get();
}

/// "[[ a.b ]]" -> "a.b"
std::string path_of(const Section& section) {
    std::string_view path = section.header;
    const std::size_t brackets = section.is_listed ? 2 : 1;
    path = path.substr(brackets, path.size() - 2 * brackets);
    const auto begin = path.find_first_not_of(" \t");
    return std::string(path.substr(begin, path.find_last_not_of(" \t") + 1 - begin));
}

TableNode* table_of_section(TableNode& root, SectionPlace section) {
    auto* table = &root;
    if (!section->keys.empty()) {
        for (std::size_t i = 0; i + 1 < section->keys.size() && table != nullptr; ++i)
            table = descend(*table, section->keys[i]);
        if (table == nullptr) return nullptr;
        table = section->is_listed ? table_of_list(*table, section->keys.back())
                                   : descend(*table, section->keys.back());
        if (table == nullptr || table->has_header) return nullptr;
        table->path = path_of(*section);
    }
    table->has_header = true;
    table->sections.push_back(section);
    return table;
}

bool add_statement(TableNode& owner, StatementPlace place) {
    auto* table = &owner;
    const auto& keys = place.statement->assignment.keys;
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
        table = descend(*table, keys[i]);
        if (table == nullptr) return false;
        table->depth = i + 1;
        table->dotted.push_back(place);
    }
    if (table->find(keys.back()) != nullptr) return false;
    table->entries.push_back({keys.back(), place});
    return true;
}

Found found_in(Value& value) {
    if (value.kind == Value::Kind::table) return TableView(InlineTable{&value, {}});
    return &value;
}

Found find_in(const TableNode& node, std::string_view key) {
    auto* entry = const_cast<TableNode&>(node).find(key);
    if (entry == nullptr) return {};
    if (auto* place = std::get_if<StatementPlace>(&entry->what))
        return found_in(place->statement->assignment.value);
    if (auto* table = std::get_if<std::unique_ptr<TableNode>>(&entry->what))
        return TableView(**table);
    std::vector<TableView> views;
    for (const auto& table : std::get<TableNodes>(entry->what))
        views.emplace_back(*table);
    return views;
}

bool is_below(const Item& item, const std::vector<std::string>& prefix) {
    const auto& keys = item.assignment.keys;
    return keys.size() > prefix.size() && std::equal(prefix.begin(), prefix.end(), keys.begin());
}

Found find_in(const InlineTable& table, std::string_view key) {
    for (auto& item : table.value->items) {
        const auto depth = table.prefix.size();
        if (!is_below(item, table.prefix) || item.assignment.keys[depth] != key) continue;
        if (item.assignment.keys.size() == depth + 1) return found_in(item.assignment.value);
        auto prefix = table.prefix;
        prefix.emplace_back(key);
        return TableView(InlineTable{table.value, std::move(prefix)});
    }
    return {};
}

void gather_sections(const TableNode& table, std::vector<SectionPlace>& places) {
    places.insert(places.end(), table.sections.begin(), table.sections.end());
    for (const auto& entry : table.entries) {
        if (const auto* inner = std::get_if<std::unique_ptr<TableNode>>(&entry.what))
            gather_sections(**inner, places);
        if (const auto* list = std::get_if<TableNodes>(&entry.what))
            for (const auto& inner : *list)
                gather_sections(*inner, places);
    }
}

}  // namespace

TableNode::Entry* TableNode::find(std::string_view key) {
    const auto entry = std::ranges::find(entries, key, &Entry::key);
    return entry == entries.end() ? nullptr : &*entry;
}

std::unique_ptr<TableNode> tables_of(WrittenText& written) {
    auto root = std::make_unique<TableNode>();
    std::size_t order = 0;
    for (auto section = written.sections.begin(); section != written.sections.end(); ++section) {
        section->order = order++;
        auto* table = table_of_section(*root, section);
        if (table == nullptr) return nullptr;
        auto& statements = section->statements;
        for (auto statement = statements.begin(); statement != statements.end(); ++statement)
            if (!add_statement(*table, {section, statement})) return nullptr;
    }
    return root;
}

std::vector<SectionPlace> sections_of(const TableNode& table) {
    std::vector<SectionPlace> found;
    gather_sections(table, found);
    // In the order of the text; what was added since has the number of what it stands behind.
    std::vector<std::pair<std::size_t, std::size_t>> order;
    for (std::size_t i = 0; i < found.size(); ++i)
        order.emplace_back(found[i]->order, i);
    std::ranges::sort(order);
    std::vector<SectionPlace> places;
    for (const auto& [number, index] : order)
        places.push_back(found[index]);
    return places;
}

Found TableView::find(std::string_view key) const {
    return std::visit(
        [&](const auto& what) -> Found {
            if constexpr (requires { what->entries; }) {
                return find_in(*what, key);
            } else {
                return find_in(what, key);
            }
        },
        what_);
}

std::vector<std::string> TableView::keys() const {
    std::vector<std::string> keys;
    if (const auto* node = this->node()) {
        for (const auto& entry : node->entries)
            keys.push_back(entry.key);
        return keys;
    }
    const auto& table = *inline_table();
    for (const auto& item : table.value->items) {
        if (!is_below(item, table.prefix)) continue;
        const auto& key = item.assignment.keys[table.prefix.size()];
        if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
    return keys;
}

TableNode* TableView::node() const {
    const auto* node = std::get_if<TableNode*>(&what_);
    return node == nullptr ? nullptr : *node;
}

std::vector<TableView> list_of(const Found& found) {
    if (const auto* list = std::get_if<std::vector<TableView>>(&found)) return *list;
    std::vector<TableView> views;
    if (!is_list_of_tables(found)) return views;
    for (auto& item : std::get<Value*>(found)->items)
        views.emplace_back(InlineTable{&item.assignment.value, {}});
    return views;
}

bool is_list_of_tables(const Found& found) {
    if (std::holds_alternative<std::vector<TableView>>(found)) return true;
    const auto* value = std::get_if<Value*>(&found);
    if (value == nullptr || (*value)->kind != Value::Kind::array || (*value)->items.empty())
        return false;
    return std::ranges::all_of((*value)->items, [](const Item& item) {
        return item.assignment.value.kind == Value::Kind::table;
    });
}

bool is_equal(const TableView& a, const TableView& b) {
    const auto keys = a.keys();
    if (keys.size() != b.keys().size()) return false;
    return std::ranges::all_of(
        keys, [&](const std::string& key) { return is_equal(a.find(key), b.find(key)); });
}

bool is_equal(const Found& a, const Found& b) {
    if (is_list_of_tables(a) || is_list_of_tables(b)) {
        return std::ranges::equal(
            list_of(a), list_of(b),
            [](const TableView& x, const TableView& y) { return is_equal(x, y); });
    }
    if (a.index() != b.index()) return false;
    if (const auto* value = std::get_if<Value*>(&a))
        return text_of(**value) == text_of(*std::get<Value*>(b));
    if (const auto* table = std::get_if<TableView>(&a))
        return is_equal(*table, std::get<TableView>(b));
    return true;
}

std::string inline_text(const TableView& table) {
    std::vector<std::string> settings;
    for (const auto& key : table.keys())
        settings.push_back(fmt::format("{} = {}", key, inline_text(table.find(key))));
    return settings.empty() ? "{}" : fmt::format("{{ {} }}", fmt::join(settings, ", "));
}

std::string inline_text(const Found& found) {
    if (const auto* value = std::get_if<Value*>(&found)) return text_of(**value);
    if (const auto* table = std::get_if<TableView>(&found)) return inline_text(*table);
    std::vector<std::string> tables;
    for (const auto& table : list_of(found))
        tables.push_back(inline_text(table));
    return fmt::format("[{}]", fmt::join(tables, ", "));
}

}  // namespace shoal::config::edit

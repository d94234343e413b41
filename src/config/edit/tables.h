#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/edit/written_text.h"

// The tables of a text, wherever and however their settings are written: below a header, by keys
// with dots, between braces. A view looks into the text, and is good until what it shows is taken
// out of it.

namespace shoal::config::edit {

using SectionPlace = std::list<Section>::iterator;

struct StatementPlace {
    SectionPlace section;
    std::list<Statement>::iterator statement;
};

/// A table that is not written between braces.
struct TableNode {
    struct Entry;

    /// Its headers: one at most that is in the text from the beginning, first; what was added since
    /// for tables in it comes behind.
    std::vector<SectionPlace> sections;
    bool has_header = false;
    /// The statements that set it by keys with dots, and how many keys stand before its own.
    std::vector<StatementPlace> dotted;
    std::size_t depth = 0;
    std::vector<std::string> keys;
    /// The same as a header spells it.
    std::string path;
    std::vector<Entry> entries;

    Entry* find(std::string_view key);
};

using TableNodes = std::vector<std::unique_ptr<TableNode>>;

struct TableNode::Entry {
    std::string key;
    std::variant<StatementPlace, std::unique_ptr<TableNode>, TableNodes> what;
};

/// The tables of the whole text; null where it contradicts itself.
std::unique_ptr<TableNode> tables_of(WrittenText& written);

/// All sections that a table and the tables in it have, in their order.
std::vector<SectionPlace> sections_of(const TableNode& table);

struct InlineTable {
    Value* value = nullptr;
    /// For { a.b = 1 }, the table a.
    std::vector<std::string> prefix;
};

class TableView;
/// A setting in a table: not there, a scalar or an array, a table, or tables.
using Found = std::variant<std::monostate, Value*, TableView, std::vector<TableView>>;

class TableView {
  public:
    explicit TableView(TableNode& node) : what_(&node) {}
    explicit TableView(InlineTable table) : what_(std::move(table)) {}

    Found find(std::string_view key) const;
    /// Each once.
    std::vector<std::string> keys() const;

    /// Null: between braces.
    TableNode* node() const;
    const InlineTable* inline_table() const { return std::get_if<InlineTable>(&what_); }

  private:
    std::variant<TableNode*, InlineTable> what_;
};

/// The tables of a list, also of one in brackets; empty where there is none.
std::vector<TableView> list_of(const Found& found);
bool is_list_of_tables(const Found& found);

bool is_equal(const Found& a, const Found& b);
bool is_equal(const TableView& a, const TableView& b);

/// Between braces, on one line.
std::string inline_text(const TableView& table);
std::string inline_text(const Found& found);

}  // namespace shoal::config::edit

#pragma once

#include <expected>
#include <list>
#include <string>
#include <string_view>
#include <vector>

// A TOML text taken apart without losing a byte of it: written back unchanged, it is the same text.
// What each part is called tells what goes with it when a table or a setting is taken away.

namespace shoal::config::edit {

struct Item;

/// What stands behind an equals sign, or between two commas.
struct Value {
    enum class Kind { scalar, array, table };
    Kind kind = Kind::scalar;
    /// Of a scalar, with its quotation marks.
    std::string text;
    /// Of an array or an inline table.
    std::vector<Item> items;
    /// What stands before the closing bracket and belongs to no item.
    std::string rest;
};

/// A key with its value.
struct Assignment {
    /// a.b."c d" as "a", "b", "c d"; empty in an array.
    std::vector<std::string> keys;
    /// The same as it is written.
    std::string key_text;
    /// The equals sign and the blanks around it.
    std::string equals;
    Value value;
};

/// One of an array or an inline table.
struct Item {
    /// Line ends, blanks and comments before it.
    std::string lead;
    Assignment assignment;
    /// Blanks, comments and line ends between it and its comma.
    std::string before_comma;
    bool has_comma = false;
    /// The rest of its line, where that is a comment or blanks.
    std::string after;
};

struct Statement {
    /// Comments and blank lines of their own before it, and its indentation.
    std::string lead;
    Assignment assignment;
    /// The rest of its last line, with the line end.
    std::string tail;
    /// It goes: sweep() takes it out.
    bool is_removed = false;
};

/// A [table] with its settings; the first of a text is what stands before all tables.
struct Section {
    /// Blank lines and comments apart: they stay when the section goes.
    std::string gap;
    /// Comments directly above the header, and its indentation.
    std::string lead;
    /// "[[a.b]]"; empty: the first section.
    std::string header;
    std::vector<std::string> keys;
    /// [[ ]]: one of a list.
    bool is_listed = false;
    /// The rest of the header's line.
    std::string header_tail;
    std::list<Statement> statements;
    /// Comments directly below the last setting.
    std::string foot;
    /// Its place in the text as it was taken apart.
    std::size_t order = 0;
    /// Not 0: it goes, together with its neighbours of the same number; sweep() takes it out.
    std::size_t removal = 0;
};

struct WrittenText {
    std::string byte_order_mark;
    std::list<Section> sections;
    /// Behind the last section.
    std::string tail;
    /// "\n" or "\r\n", as the first line ends.
    std::string line_end = "\n";
    /// Whether the last line ends with a line end; while the text is taken apart it does.
    bool ends_with_line_end = true;
};

/// Takes apart what parse_toml() accepted; anything else it may refuse.
/// The error is a line that it does not know, from 1.
std::expected<WrittenText, int> take_apart(std::string_view text);
/// A value alone. Not for what comes from outside.
Value value_of(std::string_view text);

std::string put_together(const WrittenText& written);
std::string text_of(const Value& value);

}  // namespace shoal::config::edit

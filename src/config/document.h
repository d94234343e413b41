#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// What a file says, before anything is known of its meaning: the same tree for TOML and JSON.

namespace shoal::config {

/// From 1; 0: not known (JSON), or the file as a whole.
struct Position {
    int line = 0;
    int column = 0;
    auto operator<=>(const Position&) const = default;
};

struct Node;
struct Entry;

using List = std::vector<Node>;

struct Table {
    /// In the order of their keys, as both parsers give them.
    std::vector<Entry> entries;

    Entry* find(std::string_view key);
    const Entry* find(std::string_view key) const;
};

/// A value of a kind that no setting has: a date, a time, null.
struct Foreign {};

struct Node {
    std::variant<Foreign, bool, std::int64_t, double, std::string, List, Table> value;
    Position position;
    /// Set by the reader where it reported a problem: nothing is to be concluded from this value.
    bool refused = false;
};

struct Entry {
    std::string key;
    /// Of the key.
    Position position;
    Node node;
};

}  // namespace shoal::config

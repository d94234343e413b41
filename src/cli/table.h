#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace shoal::cli {

enum class Align { left, right };

struct Column {
    std::string title;
    Align align = Align::left;
    /// Text may be cut to this many characters where there is no room; by default never.
    std::size_t shortest = std::numeric_limits<std::size_t>::max();
    /// Only for the last column: what has no room goes on in the next line instead of being cut.
    bool wraps = false;
};

struct Cell {
    std::string text;
    /// Takes the place of `text` where the terminal is narrow; empty: there is no shorter form.
    std::string brief{};
    Style style = Style::plain;
};

/// Rows and columns that fit a terminal. What is too wide gives way in this order: the space
/// between columns, numbers for their brief forms, text that may be cut or wrapped; then rows are
/// broken into several lines.
class Table {
  public:
    explicit Table(std::vector<Column> columns);

    /// A line above the titles.
    void set_preface(std::string text) { preface_ = std::move(text); }
    /// As many cells as there are columns.
    void add(std::vector<Cell> cells);
    /// A line that spans all columns.
    void add_line(std::string text, Style style = Style::plain);

    bool empty() const { return rows_.empty(); }
    /// Ends with a line feed. The next rows, after clear(), keep the columns' places where they
    /// fit, and have no titles.
    std::string render(const Terminal& terminal);
    void clear() { rows_.clear(); }

  private:
    /// One cell: spans all columns, unless there is but one.
    struct Row {
        std::vector<Cell> cells;
        bool spans = false;
    };
    struct Layout {
        std::size_t gap = 2;
        bool brief = false;
        std::vector<std::size_t> widths;
    };

    Layout layout(const Terminal& terminal) const;
    std::vector<std::size_t> natural_widths(const Terminal& terminal, bool brief) const;
    /// Cuts where that is enough to make them fit.
    void cut_columns(std::vector<std::size_t>& widths, std::size_t gap, std::size_t room) const;
    std::string render_row(const std::vector<Cell>& cells, const Layout& layout,
                           const Terminal& terminal) const;
    std::vector<Cell> titles() const;

    std::vector<Column> columns_;
    std::string preface_;
    std::vector<Row> rows_;
    bool titles_shown_ = false;
    /// Of what was rendered before.
    std::vector<std::size_t> earlier_widths_;
};

}  // namespace shoal::cli

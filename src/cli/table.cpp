#include "cli/table.h"

#include <algorithm>
#include <numeric>

namespace shoal::cli {

namespace {

constexpr std::size_t continuation_indent = 5;

const std::string& form(const Cell& cell, bool brief) {
    return brief && !cell.brief.empty() ? cell.brief : cell.text;
}

std::size_t total(const std::vector<std::size_t>& widths, std::size_t gap) {
    return std::accumulate(widths.begin(), widths.end(), (widths.size() - 1) * gap);
}

/// Breaks text at blanks into lines of at most `width` characters; a longer word stays whole.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines{""};
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        if (!lines.back().empty() && width_of(lines.back()) + 1 + width_of(word) > width)
            lines.emplace_back();
        if (!lines.back().empty()) lines.back() += ' ';
        lines.back() += word;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

void remove_blanks_at_end(std::string& line) {
    line.erase(line.find_last_not_of(' ') + 1);
}

}  // namespace

Table::Table(std::vector<Column> columns)
    : columns_(std::move(columns)), earlier_widths_(columns_.size()) {}

void Table::add(std::vector<Cell> cells) {
    rows_.push_back({.cells = std::move(cells)});
}

void Table::add_line(std::string text, Style style) {
    rows_.push_back({.cells = {{.text = std::move(text), .style = style}}, .spans = true});
}

std::vector<Cell> Table::titles() const {
    std::vector<Cell> cells;
    for (const auto& column : columns_)
        cells.push_back({.text = column.title, .style = Style::title});
    return cells;
}

std::vector<std::size_t> Table::natural_widths(const Terminal& terminal, bool brief) const {
    auto widths = earlier_widths_;
    const auto widen = [&](const std::vector<Cell>& cells) {
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], width_of(printable(form(cells[i], brief), terminal)));
    };
    widen(titles());
    for (const auto& row : rows_) {
        if (!row.spans) widen(row.cells);
    }
    return widths;
}

void Table::cut_columns(std::vector<std::size_t>& widths, std::size_t gap, std::size_t room) const {
    auto shorter = widths;
    while (total(shorter, gap) > room) {
        std::size_t* widest = nullptr;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            auto& candidate = shorter[i];
            if (candidate > columns_[i].shortest && (widest == nullptr || candidate > *widest))
                widest = &candidate;
        }
        // Rows will be broken, which makes room for all of the text.
        if (widest == nullptr) return;
        --*widest;
    }
    widths = shorter;
}

Table::Layout Table::layout(const Terminal& terminal) const {
    Layout layout{.widths = natural_widths(terminal, false)};
    if (total(layout.widths, layout.gap) <= terminal.width) return layout;
    layout.gap = 1;
    if (total(layout.widths, layout.gap) <= terminal.width) return layout;
    layout.brief = true;
    layout.widths = natural_widths(terminal, true);
    cut_columns(layout.widths, layout.gap, terminal.width);
    return layout;
}

std::string Table::render_row(const std::vector<Cell>& cells, const Layout& layout,
                              const Terminal& terminal) const {
    std::string lines;
    std::string line;
    std::size_t used = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const auto width = std::min(layout.widths[i], terminal.width);
        if (i > 0 && used + layout.gap + width > terminal.width) {
            remove_blanks_at_end(line);
            lines += line + "\n";
            // As far in as the widest column allows.
            used = std::min(continuation_indent, terminal.width - width);
            line.assign(used, ' ');
        } else if (i > 0) {
            line.append(layout.gap, ' ');
            used += layout.gap;
        }
        const auto whole = printable(form(cells[i], layout.brief), terminal);
        const auto pieces = columns_[i].wraps ? wrap(whole, width) : std::vector{whole};
        const auto text = cut(pieces.front(), width, terminal);
        const std::string padding(width - width_of(text), ' ');
        const auto shown = styled(text, cells[i].style, terminal);
        line += columns_[i].align == Align::right ? padding + shown : shown + padding;
        if (pieces.size() > 1) remove_blanks_at_end(line);
        for (std::size_t n = 1; n < pieces.size(); ++n)
            line += "\n" + std::string(used, ' ') +
                    styled(cut(pieces[n], width, terminal), cells[i].style, terminal);
        used += width;
    }
    remove_blanks_at_end(line);
    return lines + line + "\n";
}

std::string Table::render(const Terminal& terminal) {
    const auto chosen = layout(terminal);
    const auto spanning = [&](const std::string& text, Style style) {
        return styled(cut(printable(text, terminal), terminal.width, terminal), style, terminal) +
               "\n";
    };
    std::string text;
    if (!titles_shown_) {
        if (!preface_.empty()) text += spanning(preface_, Style::title);
        text += render_row(titles(), chosen, terminal);
    }
    for (const auto& row : rows_) {
        text += row.spans ? spanning(row.cells[0].text, row.cells[0].style)
                          : render_row(row.cells, chosen, terminal);
    }
    titles_shown_ = true;
    earlier_widths_ = chosen.widths;
    return text;
}

}  // namespace shoal::cli

#include "config/edit/placing.h"

#include <algorithm>
#include <iterator>

namespace shoal::config::edit {

namespace {

std::string indent_of(std::string_view lead) {
    return std::string(lead.substr(lead.rfind('\n') + 1));
}

std::string_view without_indent(std::string_view lead) {
    return lead.substr(0, lead.rfind('\n') + 1);
}

bool begins_with_blank_line(std::string_view text) {
    return text.starts_with('\n') || text.starts_with("\r\n");
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string_view without_blank_lines(std::string_view text) {
    while (true) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos || !is_blank(text.substr(0, end))) return text;
        text.remove_prefix(end + 1);
    }
}

/// The first `count` keys with the dots behind them, as they are written.
std::string prefix_of(std::string_view key_text, std::size_t count) {
    char quote = '\0';
    for (std::size_t i = 0; i < key_text.size() && count > 0; ++i) {
        const char c = key_text[i];
        if (quote != '\0') {
            if (c == quote) quote = '\0';
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '.' && --count == 0) {
            return std::string(key_text.substr(0, i + 1));
        }
    }
    return "";
}

std::string joined(const std::vector<std::string>& keys) {
    std::string text;
    for (const auto& key : keys)
        text += (text.empty() ? "" : ".") + key;
    return text;
}

std::size_t column_of_sign(const Assignment& assignment) {
    return assignment.key_text.size() + assignment.equals.find('=');
}

/// The equals sign of a new setting: below the others where they stand in one column.
std::string equals_for(const std::string& key, const Section& section, const Statement& neighbour) {
    const auto& like = neighbour.assignment;
    const auto column = column_of_sign(like);
    const bool is_apart = like.equals.find('=') > 1;
    bool in_column = true;
    bool is_chance = !is_apart;
    for (const auto& [lead, assignment, tail, is_removed] : section.statements) {
        in_column = in_column && column_of_sign(assignment) == column;
        is_chance = is_chance && assignment.key_text.size() == like.key_text.size();
    }
    const auto sign = like.equals.substr(like.equals.find('='));
    if (in_column && !is_chance)
        return std::string(std::max(column, key.size() + 1) - key.size(), ' ') + sign;
    return is_apart ? ' ' + sign : like.equals;
}

}  // namespace

Placing::Placing(WrittenText& written) : written_(written) {
    for (auto section = std::next(written.sections.begin()); section != written.sections.end();
         ++section) {
        Layout layout{indent_of(section->lead), indent_of(section->lead), !section->gap.empty()};
        if (!section->statements.empty())
            layout.key_indent = indent_of(section->statements.front().lead);
        // That the first of a file follows nothing says nothing.
        const auto before = std::prev(section);
        if (before == written.sections.begin() && before->statements.empty())
            layout.stands_apart = true;
        layouts_[section->keys] = std::move(layout);
    }
}

const Placing::Layout* Placing::layout_of(const std::vector<std::string>& keys) const {
    auto known = keys;
    while (!known.empty()) {
        const auto found = layouts_.find(known);
        if (found != layouts_.end()) return &found->second;
        known.pop_back();
    }
    return nullptr;
}

std::string Placing::gap_before(const Section& section) const {
    const auto found = layouts_.find(section.keys);
    const bool apart = found != layouts_.end() ? found->second.stands_apart
                                               : section.keys.size() == 1 || !section.gap.empty();
    return apart ? written_.line_end : "";
}

SectionPlace Placing::make_header(TableNode& table) {
    Section section;
    section.keys = table.keys;
    section.header = '[' + table.path + ']';
    section.header_tail = written_.line_end;
    std::list<Section> one;
    one.push_back(std::move(section));
    const auto place = put_before(sections_of(table).front(), std::move(one));
    table.sections.insert(table.sections.begin(), place);
    table.has_header = true;
    return place;
}

void Placing::add_setting(TableNode& table, std::vector<std::string> keys, std::string_view value) {
    const bool by_dots = !table.has_header && !table.dotted.empty();
    if (!table.has_header && !by_dots) make_header(table);
    const auto section = by_dots ? table.dotted.back().section : table.sections.front();
    auto& statements = section->statements;
    const auto neighbour = by_dots              ? table.dotted.back().statement
                           : statements.empty() ? statements.end()
                                                : std::prev(statements.end());
    Statement fresh;
    fresh.tail = written_.line_end;
    fresh.assignment.value = value_of(value);
    fresh.assignment.key_text = joined(keys);
    fresh.assignment.keys = std::move(keys);
    if (neighbour == statements.end()) {
        const auto* layout = layout_of(section->keys);
        fresh.lead = layout == nullptr ? indent_of(section->lead) : layout->key_indent;
        fresh.assignment.equals = " = ";
        statements.push_back(std::move(fresh));
        return;
    }
    const auto& like = neighbour->assignment;
    if (by_dots) {
        fresh.assignment.key_text.insert(0, prefix_of(like.key_text, table.depth));
        fresh.assignment.keys.insert(fresh.assignment.keys.begin(), like.keys.begin(),
                                     like.keys.begin() + static_cast<std::ptrdiff_t>(table.depth));
    }
    fresh.lead = indent_of(neighbour->lead);
    fresh.assignment.equals = equals_for(fresh.assignment.key_text, *section, *neighbour);
    const auto place = statements.insert(std::next(neighbour), std::move(fresh));
    if (by_dots) table.dotted.push_back({section, place});
}

std::list<Section> Placing::copy_of(const TableNode& model) const {
    std::list<Section> copies;
    for (const auto place : sections_of(model)) {
        auto& copy = copies.emplace_back(*place);
        const auto* layout = layout_of(copy.keys);
        copy.lead = layout == nullptr ? "" : layout->header_indent;
        copy.gap = gap_before(copy);
        copy.header_tail = written_.line_end;
        for (auto& statement : copy.statements) {
            statement.lead = layout == nullptr ? "" : layout->key_indent;
            statement.tail = written_.line_end;
        }
    }
    return copies;
}

SectionPlace Placing::put_behind(SectionPlace last, std::list<Section> sections) {
    const bool is_first =
        last == written_.sections.begin() && last->statements.empty() && last->foot.empty();
    sections.front().gap = is_first ? "" : gap_before(sections.front());
    for (auto& section : sections)
        section.order = last->order;
    const auto end = std::prev(sections.end());
    written_.sections.splice(std::next(last), sections);
    return end;
}

SectionPlace Placing::put_before(SectionPlace first, std::list<Section> sections) {
    for (auto& section : sections)
        section.order = std::prev(first)->order;
    sections.front().gap = first->gap;
    first->gap = gap_before(*first);
    const auto end = std::prev(sections.end());
    written_.sections.splice(first, sections);
    return end;
}

/// What of the gap above `first` is to stay, when all before `next` goes, comes into the gap there.
void Placing::close_gap(SectionPlace first, SectionPlace next) {
    const bool is_end = next == written_.sections.end();
    auto& gap = is_end ? written_.tail : next->gap;
    auto above = first->gap;
    if (is_blank(above)) {
        const auto before = std::prev(first);
        const bool is_begin = before == written_.sections.begin() && before->statements.empty() &&
                              before->foot.empty() && above.empty();
        if (is_begin) gap = without_blank_lines(gap);
        return;
    }
    if (begins_with_blank_line(gap) || is_end) {
        const auto comment = above.rfind('#');
        above.resize(above.find('\n', comment) + 1);
    }
    gap.insert(0, above);
}

std::list<Section> Placing::take(const std::vector<SectionPlace>& places) {
    std::list<Section> taken;
    for (std::size_t i = 0; i < places.size();) {
        const auto first = places[i];
        auto next = std::next(first);
        for (++i; i < places.size() && places[i] == next; ++i)
            ++next;
        close_gap(first, next);
        first->gap = gap_before(*first);
        taken.splice(taken.end(), written_.sections, first, next);
    }
    return taken;
}

void Placing::remove(const std::vector<SectionPlace>& places) {
    ++removals_;
    for (const auto place : places)
        place->removal = removals_;
}

/// The comments above a statement that goes come above what stood below it.
void Placing::sweep_statements(Section& section) {
    auto& statements = section.statements;
    for (auto statement = statements.begin(); statement != statements.end();) {
        if (!statement->is_removed) {
            ++statement;
            continue;
        }
        const std::string kept(without_indent(statement->lead));
        statement = statements.erase(statement);
        auto& below = statement == statements.end() ? section.foot : statement->lead;
        if (!is_blank(kept) || !begins_with_blank_line(below)) below.insert(0, kept);
    }
}

void Placing::sweep() {
    auto& sections = written_.sections;
    for (auto section = sections.begin(); section != sections.end();) {
        if (section->removal == 0) {
            sweep_statements(*section);
            ++section;
            continue;
        }
        auto next = std::next(section);
        while (next != sections.end() && next->removal == section->removal)
            ++next;
        close_gap(section, next);
        section = sections.erase(section, next);
    }
}

}  // namespace shoal::config::edit

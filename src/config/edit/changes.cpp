#include "config/edit/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "config/edit/items.h"
#include "config/edit/matching.h"
#include "config/edit/placing.h"
#include "config/edit/setting_facts.h"
#include "config/edit/tables.h"

namespace shoal::config::edit {

namespace {

/// Why a change cannot be made; caught in change().
struct Refusal {
    std::string reason;
};

bool is_absent(const Found& found) {
    return std::holds_alternative<std::monostate>(found);
}

bool is_value(const Found& found) {
    return std::holds_alternative<Value*>(found);
}

/// One table of a list that is to be: which one of the present ones it is, if it is one.
struct Place {
    std::optional<std::size_t> present;
    TableView intended;
};

class Changer {
  public:
    Changer(WrittenText& written, Defaults defaults) : placing_(written), defaults_(defaults) {}

    /// `path`: of the table, with a dot behind it.
    void change_table(const TableView& written, const TableView& present, const TableView& intended,
                      const std::string& path) {
        auto keys = intended.keys();
        for (auto& key : present.keys())
            if (std::ranges::find(keys, key) == keys.end()) keys.push_back(std::move(key));
        for (const auto& key : keys) {
            const auto old_value = present.find(key);
            const auto new_value = intended.find(key);
            if (!is_equal(old_value, new_value))
                change_setting(written, key, in_full(old_value, path + key),
                               in_full(new_value, path + key), path + key);
        }
    }

    void sweep() { placing_.sweep(); }

  private:
    static const SettingFacts& facts_of(const std::string& path) {
        static const SettingFacts none;
        const auto found = setting_facts().find(path);
        return found == setting_facts().end() ? none : found->second;
    }

    /// The table that a value stands for: sorry_server = "10.11.12.9".
    Found in_full(const Found& found, const std::string& path) {
        const auto& facts = facts_of(path);
        if (!is_value(found) || facts.short_key.empty()) return found;
        const auto& value = *std::get<Value*>(found);
        if (value.kind != Value::Kind::scalar) return found;
        auto& table = tables_in_full_.emplace_back();
        table.kind = Value::Kind::table;
        auto& item = table.items.emplace_back();
        item.assignment.keys = {facts.short_key};
        item.assignment.value = value;
        return TableView(InlineTable{&table, {}});
    }

    void change_setting(const TableView& owner, const std::string& key, const Found& present,
                        const Found& intended, const std::string& path) {
        const auto written = owner.find(key);
        // Between brackets in the one and below headers in the other, they are written anew.
        const bool are_tables = (is_list_of_tables(present) || is_list_of_tables(intended)) &&
                                (is_value(written) || !is_value(intended));
        if (are_tables && !has_plain_items(present) && !has_plain_items(intended) &&
            !has_plain_items(written)) {
            change_list(owner, key, written, list_of(present), list_of(intended), path);
        } else if (is_absent(intended)) {
            to_default(owner, key, written, present, path);
        } else if (is_absent(written)) {
            add(owner, key, intended);
        } else if (is_value(intended) || is_list_of_tables(intended)) {
            change_value(owner, key, written, present, intended);
        } else {
            change_inner(written, present, std::get<TableView>(intended), path);
        }
    }

    /// A list with an item that is no table.
    static bool has_plain_items(const Found& found) {
        return is_value(found) && !is_list_of_tables(found) &&
               !std::get<Value*>(found)->items.empty();
    }

    void to_default(const TableView& owner, const std::string& key, const Found& written,
                    const Found& present, const std::string& path) {
        const auto& facts = facts_of(path);
        const bool may_stay = defaults_ == Defaults::write && !facts.is_optional;
        if (is_absent(written)) return;
        if (may_stay && is_value(written) && !facts.default_text.empty()) {
            replace_scalar(*std::get<Value*>(written), facts.default_text);
        } else if (may_stay && std::holds_alternative<TableView>(written) &&
                   std::holds_alternative<TableView>(present)) {
            change_table(std::get<TableView>(written), std::get<TableView>(present), empty(),
                         path + '.');
        } else {
            remove(owner, key);
        }
    }

    TableView empty() {
        auto& table = tables_in_full_.emplace_back();
        table.kind = Value::Kind::table;
        return TableView(InlineTable{&table, {}});
    }

    void change_inner(const Found& written, const Found& present, const TableView& intended,
                      const std::string& path) {
        if (const auto* table = std::get_if<TableView>(&written)) {
            const auto* known = std::get_if<TableView>(&present);
            change_table(*table, known == nullptr ? empty() : *known, intended, path + '.');
            return;
        }
        if (!is_value(written)) throw Refusal{path + " is a list of tables"};
        auto& value = *std::get<Value*>(written);
        const auto keys = intended.keys();
        if (keys.size() == 1 && keys.front() == facts_of(path).short_key) {
            replace_scalar(value, inline_text(intended.find(keys.front())));
        } else {
            value = value_of(inline_text(intended));
        }
    }

    void change_value(const TableView& owner, const std::string& key, const Found& written,
                      const Found& present, const Found& intended) {
        if (!is_value(written)) {
            // A table, or tables, of which a plain value is to be made.
            remove(owner, key);
            add(owner, key, intended);
            return;
        }
        auto& value = *std::get<Value*>(written);
        const auto wanted = value_of(inline_text(intended));
        if (wanted.kind != Value::Kind::array) {
            replace_scalar(value, text_of(wanted));
        } else if (value.kind == Value::Kind::array) {
            change_array(value, is_value(present) ? *std::get<Value*>(present) : Value{}, wanted);
        } else if (wanted.items.size() == 1) {
            // The brackets may be left out.
            replace_scalar(value, text_of(wanted.items.front().assignment.value));
        } else {
            value = wanted;
        }
    }

    void change_array(Value& value, const Value& present, const Value& wanted) {
        if (present.items.size() != value.items.size()) {
            value = wanted;
            return;
        }
        std::multimap<std::string, std::size_t> left;
        for (std::size_t i = 0; i < present.items.size(); ++i)
            left.emplace(text_of(present.items[i].assignment.value), i);
        std::vector<Arranged> arranged;
        for (const auto& item : wanted.items) {
            auto& entry = arranged.emplace_back();
            entry.fresh.value = item.assignment.value;
            const auto found = left.find(text_of(item.assignment.value));
            if (found == left.end()) continue;
            entry.present = found->second;
            left.erase(found);
        }
        replace_items(value, arranged, left);
        arrange(value, std::move(arranged), placing_.written().line_end);
    }

    /// A new item in the place of one that goes takes over its comment.
    static void replace_items(Value& value, std::vector<Arranged>& arranged,
                              const std::multimap<std::string, std::size_t>& left) {
        for (const auto& [text, place] : left) {
            if (place >= arranged.size() || arranged[place].present) continue;
            replace_scalar(value.items[place].assignment.value,
                           text_of(arranged[place].fresh.value));
            arranged[place].present = place;
        }
    }

    void add(const TableView& owner, const std::string& key, const Found& setting) {
        if (const auto* table = owner.inline_table()) {
            add_item(*table, key, inline_text(setting));
            return;
        }
        auto& node = *owner.node();
        const auto* inner = std::get_if<TableView>(&setting);
        if (inner == nullptr || inner->node() == nullptr) {
            placing_.add_setting(node, {key}, inline_text(setting));
        } else if (!node.has_header && !node.dotted.empty()) {
            for (const auto& own : inner->keys())
                placing_.add_setting(node, {key, own}, inline_text(inner->find(own)));
        } else {
            add_section(node, *inner->node());
        }
    }

    void add_section(TableNode& owner, const TableNode& model) {
        auto copies = placing_.copy_of(model);
        auto& sections = placing_.written().sections;
        const auto behind_root = std::next(sections.begin());
        if (owner.keys.empty() && behind_root != sections.end()) {
            placing_.put_before(behind_root, std::move(copies));
            return;
        }
        const auto last =
            owner.sections.empty() ? sections_of(owner).back() : owner.sections.back();
        owner.sections.push_back(placing_.put_behind(last, std::move(copies)));
    }

    void add_item(const InlineTable& table, const std::string& key, const std::string& text) {
        auto arranged = all_items(*table.value);
        auto& fresh = arranged.emplace_back().fresh;
        fresh.keys = table.prefix;
        fresh.keys.push_back(key);
        for (const auto& part : fresh.keys)
            fresh.key_text += (fresh.key_text.empty() ? "" : ".") + part;
        const auto& items = table.value->items;
        const bool is_tight = !items.empty() && items.back().assignment.equals == "=";
        fresh.equals = is_tight ? "=" : " = ";
        fresh.value = value_of(text);
        arrange(*table.value, std::move(arranged), placing_.written().line_end);
    }

    static std::vector<Arranged> all_items(const Value& value) {
        std::vector<Arranged> arranged(value.items.size());
        for (std::size_t i = 0; i < arranged.size(); ++i)
            arranged[i].present = i;
        return arranged;
    }

    void remove(const TableView& owner, const std::string& key) {
        if (const auto* table = owner.inline_table()) {
            auto path = table->prefix;
            path.push_back(key);
            const auto& items = table->value->items;
            auto arranged = all_items(*table->value);
            std::erase_if(arranged, [&](const Arranged& entry) {
                const auto& keys = items[*entry.present].assignment.keys;
                return keys.size() >= path.size() &&
                       std::equal(path.begin(), path.end(), keys.begin());
            });
            arrange(*table->value, std::move(arranged), placing_.written().line_end);
            return;
        }
        remove_entry(*owner.node(), key);
    }

    void remove_entry(TableNode& owner, const std::string& key) {
        auto* entry = owner.find(key);
        if (const auto* place = std::get_if<StatementPlace>(&entry->what)) {
            placing_.remove_statement(*place);
        } else if (const auto* table = std::get_if<std::unique_ptr<TableNode>>(&entry->what)) {
            for (const auto& statement : (*table)->dotted)
                placing_.remove_statement(statement);
            placing_.remove(sections_of(**table));
        } else {
            for (const auto& listed : std::get<TableNodes>(entry->what))
                placing_.remove(sections_of(*listed));
        }
    }

    void change_list(const TableView& owner, const std::string& key, const Found& written,
                     const std::vector<TableView>& present, const std::vector<TableView>& intended,
                     const std::string& path) {
        const auto tables = list_of(written);
        if (tables.size() != present.size())
            throw Refusal{fmt::format("the tables of {} are written in a way of their own", path)};
        const auto matches = match(present, intended);
        std::vector<Place> places;
        for (std::size_t i = 0; i < intended.size(); ++i) {
            places.push_back({matches[i], intended[i]});
            if (!matches[i] || is_equal(present[*matches[i]], intended[i])) continue;
            change_table(tables[*matches[i]], present[*matches[i]], intended[i], path + '.');
        }
        if (is_value(written)) {
            arrange_tables(*std::get<Value*>(written), places);
        } else if (is_absent(written) && owner.node() == nullptr) {
            add_item(*owner.inline_table(), key, inline_text(Found(intended)));
        } else {
            arrange_sections(*owner.node(), tables, places, matches);
        }
    }

    void arrange_tables(Value& value, const std::vector<Place>& places) {
        std::vector<Arranged> arranged;
        for (const auto& place : places) {
            auto& entry = arranged.emplace_back();
            entry.present = place.present;
            if (!place.present) entry.fresh.value = value_of(inline_text(place.intended));
        }
        arrange(value, std::move(arranged), placing_.written().line_end);
    }

    /// `tables`: as they are, in their order.
    void arrange_sections(TableNode& owner, const std::vector<TableView>& tables,
                          const std::vector<Place>& places,
                          const std::vector<std::optional<std::size_t>>& matches) {
        const auto stays = in_order(matches);
        std::vector<bool> is_left(tables.size(), true);
        std::optional<SectionPlace> last;
        for (std::size_t i = 0; i < places.size(); ++i) {
            if (matches[i]) is_left[*matches[i]] = false;
            if (stays[i]) {
                last = sections_of(*tables[*matches[i]].node()).back();
                continue;
            }
            auto sections = matches[i] ? placing_.take(sections_of(*tables[*matches[i]].node()))
                                       : placing_.copy_of(*places[i].intended.node());
            last = last ? placing_.put_behind(*last, std::move(sections))
                        : put_first(owner, tables, matches, stays, std::move(sections));
        }
        for (std::size_t i = 0; i < tables.size(); ++i)
            if (is_left[i]) placing_.remove(sections_of(*tables[i].node()));
    }

    /// Before the first table that stays where it is; without one, where the first one was, or
    /// behind all that the owner has.
    SectionPlace put_first(TableNode& owner, const std::vector<TableView>& tables,
                           const std::vector<std::optional<std::size_t>>& matches,
                           const std::vector<bool>& stays, std::list<Section> sections) {
        const auto found = std::ranges::find(stays, true);
        if (found == stays.end() && tables.empty()) {
            const bool is_root = owner.keys.empty();
            const auto end =
                is_root ? std::prev(placing_.written().sections.end()) : sections_of(owner).back();
            return placing_.put_behind(end, std::move(sections));
        }
        const auto first =
            found == stays.end() ? 0 : *matches[static_cast<std::size_t>(found - stays.begin())];
        return placing_.put_before(sections_of(*tables[first].node()).front(), std::move(sections));
    }

    Placing placing_;
    Defaults defaults_;
    /// Tables that stand nowhere in a text.
    std::deque<Value> tables_in_full_;
};

}  // namespace

std::expected<void, std::string> change(WrittenText& written, WrittenText& present,
                                        WrittenText& intended, Defaults defaults) {
    const auto written_tables = tables_of(written);
    const auto present_tables = tables_of(present);
    const auto intended_tables = tables_of(intended);
    if (!written_tables || !present_tables || !intended_tables)
        return std::unexpected("its tables are written in a way that is not understood");
    Changer changer(written, defaults);
    try {
        changer.change_table(TableView(*written_tables), TableView(*present_tables),
                             TableView(*intended_tables), "");
    } catch (Refusal& refusal) {
        return std::unexpected(std::move(refusal.reason));
    }
    changer.sweep();
    return {};
}

}  // namespace shoal::config::edit

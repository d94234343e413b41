#include "config/edit/items.h"

#include <algorithm>

namespace shoal::config::edit {

namespace {

bool is_on_one_line(std::string_view lead) {
    return !lead.contains('\n');
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// What a lead is without its comments: a line end and the indentation, or the blanks.
std::string layout_of(std::string_view lead) {
    const auto end = lead.rfind('\n');
    if (end == std::string_view::npos) return std::string(lead);
    const auto begin = end > 0 && lead[end - 1] == '\r' ? end - 1 : end;
    return std::string(lead.substr(begin));
}

/// What of the lead of an item that goes is to stay: its comments, if it is no table.
std::string comments_of(const Item& item) {
    if (item.assignment.value.kind == Value::Kind::table) return "";
    const auto end = item.lead.rfind('#');
    if (end == std::string::npos) return "";
    auto length = std::min(item.lead.find('\n', end), item.lead.size());
    if (length > 0 && item.lead[length - 1] == '\r') --length;
    return item.lead.substr(0, length);
}

class Arrangement {
  public:
    Arrangement(Value& list, std::string_view line_end)
        : list_(list), line_end_(line_end), old_(std::move(list.items)) {
        const bool is_table = list.kind == Value::Kind::table;
        ends_with_comma_ = !old_.empty() && old_.back().has_comma;
        first_lead_ = old_.empty() ? (is_table ? " " : "") : layout_of(old_.front().lead);
        next_lead_ = old_.size() > 1 || (!old_.empty() && !is_on_one_line(first_lead_))
                         ? layout_of(old_.back().lead)
                         : " ";
        if (old_.empty() && is_blank(list.rest)) list.rest = is_table ? " " : "";
    }

    void make(std::vector<Arranged>& arranged) {
        keep_comments(arranged);
        list_.items.clear();
        for (auto& entry : arranged)
            list_.items.push_back(entry.present
                                      ? std::move(old_[*entry.present])
                                      : Item{next_lead_, std::move(entry.fresh), {}, {}, {}});
        set_leads(arranged);
        set_commas();
        if (list_.items.empty() && is_blank(list_.rest)) list_.rest.clear();
    }

  private:
    /// Comments above what goes come above what stood below it.
    void keep_comments(const std::vector<Arranged>& arranged) {
        std::vector<bool> stays(old_.size());
        for (const auto& entry : arranged)
            if (entry.present) stays[*entry.present] = true;
        std::string kept;
        for (std::size_t i = 0; i < old_.size(); ++i) {
            if (stays[i]) {
                old_[i].lead.insert(0, kept);
                kept.clear();
            } else {
                kept += comments_of(old_[i]);
            }
        }
        list_.rest.insert(0, kept);
    }

    /// On one line the first item stands at the bracket, and the others behind a comma.
    void set_leads(const std::vector<Arranged>& arranged) {
        for (std::size_t i = 0; i < arranged.size(); ++i) {
            auto& lead = list_.items[i].lead;
            const bool was_first = arranged[i].present == 0UZ;
            if (i == 0 && !was_first && is_on_one_line(lead)) lead = first_lead_;
            if (i == 0 && !arranged[i].present) lead = first_lead_;
            if (i > 0 && was_first && is_on_one_line(lead)) lead = next_lead_;
            if (i > 0) leave_comment(list_.items[i - 1], lead);
        }
        if (!list_.items.empty()) leave_comment(list_.items.back(), list_.rest);
    }

    /// What follows a comment begins on a line of its own.
    void leave_comment(const Item& item, std::string& next) const {
        if (item.after.contains('#') && !next.starts_with('\n') && !next.starts_with("\r\n"))
            next.insert(0, line_end_);
    }

    void set_commas() {
        for (auto& item : list_.items) {
            const bool wanted = &item != &list_.items.back() || ends_with_comma_;
            if (!wanted && item.has_comma && is_blank(item.before_comma)) item.before_comma.clear();
            item.has_comma = wanted;
        }
    }

    Value& list_;
    std::string_view line_end_;
    std::vector<Item> old_;
    std::string first_lead_;
    std::string next_lead_;
    bool ends_with_comma_ = false;
};

}  // namespace

void arrange(Value& list, std::vector<Arranged> arranged, std::string_view line_end) {
    Arrangement(list, line_end).make(arranged);
}

void replace_scalar(Value& value, std::string_view text) {
    const bool was_literal = value.kind == Value::Kind::scalar && value.text.starts_with('\'') &&
                             !value.text.starts_with("'''");
    const bool fits = text.starts_with('"') && !text.contains('\\') && !text.contains('\'');
    value = value_of(text);
    if (was_literal && fits) {
        value.text.front() = '\'';
        value.text.back() = '\'';
    }
}

}  // namespace shoal::config::edit

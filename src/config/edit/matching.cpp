#include "config/edit/matching.h"

#include <algorithm>
#include <array>
#include <map>

namespace shoal::config::edit {

namespace {

/// What the tables of the lists are known by; the first that they have.
constexpr std::array<std::string_view, 3> identities{"name", "value", "address"};

std::string_view identity_of(const TableView& table) {
    const auto found = std::ranges::find_if(identities, [&](std::string_view key) {
        return std::holds_alternative<Value*>(table.find(key));
    });
    return found == identities.end() ? "" : *found;
}

std::string name_of(const TableView& table) {
    const auto found = table.find(identity_of(table));
    return std::holds_alternative<Value*>(found) ? text_of(*std::get<Value*>(found)) : "";
}

/// Whether one may be the other with another name: the same address, where they have one, and more
/// than half of the settings besides the name.
bool is_renamed(const TableView& a, const TableView& b) {
    const auto identity = identity_of(a);
    if (!is_equal(a.find("address"), b.find("address"))) return false;
    std::size_t equal = 0;
    std::size_t all = 0;
    for (const auto& key : a.keys()) {
        if (key == identity) continue;
        ++all;
        if (is_equal(a.find(key), b.find(key))) ++equal;
    }
    for (const auto& key : b.keys())
        if (key != identity && std::holds_alternative<std::monostate>(a.find(key))) ++all;
    return equal * 2 > all;
}

class Matching {
  public:
    Matching(const std::vector<TableView>& present, const std::vector<TableView>& intended)
        : present_(present),
          intended_(intended),
          places_(intended.size()),
          is_taken_(present.size()) {}

    std::vector<std::optional<std::size_t>> take() {
        std::multimap<std::string, std::size_t> by_name;
        for (std::size_t i = 0; i < present_.size(); ++i)
            by_name.emplace(name_of(present_[i]), i);
        match_named(by_name, [&](std::size_t i, std::size_t j) {
            return is_equal(present_[i], intended_[j]);
        });
        match_named(by_name, [](std::size_t, std::size_t) { return true; });
        match_renamed();
        return std::move(places_);
    }

  private:
    template <class Suits>
    void match_named(const std::multimap<std::string, std::size_t>& by_name, const Suits& suits) {
        for (std::size_t j = 0; j < intended_.size(); ++j) {
            if (places_[j]) continue;
            const auto [begin, end] = by_name.equal_range(name_of(intended_[j]));
            const auto found = std::find_if(begin, end, [&](const auto& candidate) {
                return !is_taken_[candidate.second] && suits(candidate.second, j);
            });
            if (found != end) put(j, found->second);
        }
    }

    void match_renamed() {
        std::vector<std::size_t> left;
        for (std::size_t i = 0; i < present_.size(); ++i)
            if (!is_taken_[i]) left.push_back(i);
        // Many at once are no renaming, and would take long.
        constexpr std::size_t most = 100;
        if (left.size() > most) return;
        for (std::size_t j = 0; j < intended_.size(); ++j) {
            if (places_[j]) continue;
            const auto found = std::ranges::find_if(left, [&](std::size_t i) {
                return !is_taken_[i] && is_renamed(present_[i], intended_[j]);
            });
            if (found != left.end()) put(j, *found);
        }
    }

    void put(std::size_t intended, std::size_t present) {
        places_[intended] = present;
        is_taken_[present] = true;
    }

    const std::vector<TableView>& present_;
    const std::vector<TableView>& intended_;
    std::vector<std::optional<std::size_t>> places_;
    std::vector<bool> is_taken_;
};

}  // namespace

std::vector<std::optional<std::size_t>> match(const std::vector<TableView>& present,
                                              const std::vector<TableView>& intended) {
    return Matching(present, intended).take();
}

std::vector<bool> in_order(const std::vector<std::optional<std::size_t>>& places) {
    // For each length the row of that length with the least end, as indices of `places`.
    std::vector<std::size_t> ends;
    std::vector<std::optional<std::size_t>> before(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (!places[i]) continue;
        const auto at = std::ranges::lower_bound(ends, *places[i], {},
                                                 [&](std::size_t index) { return *places[index]; });
        if (at != ends.begin()) before[i] = *std::prev(at);
        if (at == ends.end()) {
            ends.push_back(i);
        } else {
            *at = i;
        }
    }
    std::vector<bool> stays(places.size());
    std::optional<std::size_t> index;
    if (!ends.empty()) index = ends.back();
    for (; index; index = before[*index])
        stays[*index] = true;
    return stays;
}

}  // namespace shoal::config::edit

#include "config/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "config/endpoints.h"
#include "config/value_text.h"
#include "model/settings.h"

namespace shoal::config {

namespace {

template <class Value>
std::string name_of_table(const Value& value) {
    return value.name;
}

std::string name_of_table(const model::MarkRule& rule) {
    return fmt::format("{} {} {}", rule.value, model::name_of(rule.protocol),
                       rule.address.to_string());
}

std::string name_of_table(const model::VrrpAddress& address) {
    return address.address.to_string();
}

/// What the data plane knows a table by, whatever its name.
auto place_of(const model::VirtualServer& service, const model::VirtualServer*) {
    return std::tuple(service.address.address, service.port, service.protocol,
                      service.firewall_mark);
}

auto place_of(const model::RealServer& server, const model::VirtualServer* service) {
    return endpoint_of(*service, server);
}

template <class Value>
concept Renamable = requires(const Value& value) { place_of(value, nullptr); };

/// Indices of a list by something that each table of it has; of several that have the same, in
/// their order.
template <class Key>
class Finder {
  public:
    void add(Key key, std::size_t index) { indices_.emplace(std::move(key), index); }
    /// The first one that was not taken yet.
    std::optional<std::size_t> take(const Key& key) {
        const auto found = indices_.lower_bound(key);
        if (found == indices_.end() || found->first != key) return std::nullopt;
        const auto index = found->second;
        indices_.erase(found);
        return index;
    }
    std::vector<std::size_t> rest() const {
        std::vector<std::size_t> rest;
        for (const auto& [key, index] : indices_)
            rest.push_back(index);
        std::ranges::sort(rest);
        return rest;
    }

  private:
    std::multimap<Key, std::size_t> indices_;
};

/// Which table of the old list each one of the new list was.
struct Pairing {
    /// For each of the new list.
    std::vector<std::optional<std::size_t>> origins;
    /// Of the old list, what nothing came from.
    std::vector<std::size_t> removed;

    bool keeps_order() const {
        std::optional<std::size_t> last;
        for (const auto& origin : origins) {
            if (!origin) continue;
            if (last && *origin < *last) return false;
            last = origin;
        }
        return true;
    }
};

template <class Value>
void pair_renamed(Pairing& pairing, const std::vector<Value>& before,
                  const std::vector<Value>& after, const Subject& subject) {
    if (pairing.removed.empty()) return;
    Finder<decltype(place_of(before.front(), nullptr))> by_place;
    for (const auto index : pairing.removed)
        by_place.add(place_of(before[index], subject.service_before), index);
    for (std::size_t index = 0; index < after.size(); ++index) {
        if (!pairing.origins[index])
            pairing.origins[index] = by_place.take(place_of(after[index], subject.service_after));
    }
    pairing.removed = by_place.rest();
}

template <class Value>
Pairing pair_up(const std::vector<Value>& before, const std::vector<Value>& after,
                const Subject& subject) {
    Finder<std::string> by_name;
    for (std::size_t index = 0; index < before.size(); ++index)
        by_name.add(name_of_table(before[index]), index);
    Pairing pairing;
    for (const auto& value : after)
        pairing.origins.push_back(by_name.take(name_of_table(value)));
    pairing.removed = by_name.rest();
    if constexpr (Renamable<Value>) pair_renamed(pairing, before, after, subject);
    return pairing;
}

class Comparison {
  public:
    template <model::Described Owner>
    void compare(const Owner& before, const Owner& after) {
        if (before == after) return;
        model::for_each_setting<Owner>([&](const auto& row) {
            path_.push_back({row.description.key});
            compare(row.description, before.*row.member, after.*row.member);
            path_.pop_back();
        });
    }
    std::vector<Difference> take() { return std::move(found_); }

  private:
    template <class Value>
    void compare(const model::Description& setting, const Value& before, const Value& after) {
        if constexpr (model::Described<Value>) {
            compare(before, after);
        } else if (before != after) {
            const bool is_name = setting.key == "name" && subject_.service_after != nullptr;
            add(is_name ? DifferenceKind::renamed : DifferenceKind::changed, setting,
                text_of(before, setting.form), text_of(after, setting.form));
        }
    }

    template <model::Described Value>
    void compare(const model::Description& setting, const std::optional<Value>& before,
                 const std::optional<Value>& after) {
        if (before && after) return compare(*before, *after);
        if (before != after)
            add(DifferenceKind::changed, setting, text_of(before, setting.form),
                text_of(after, setting.form));
    }

    template <model::Described Value>
    void compare(const model::Description& setting, const std::vector<Value>& before,
                 const std::vector<Value>& after) {
        if (before == after) return;
        const auto pairing = pair_up(before, after, subject_);
        if (!pairing.keeps_order()) add(DifferenceKind::reordered, setting);
        for (std::size_t index = 0; index < after.size(); ++index) {
            const auto origin = pairing.origins[index];
            compare_table(setting, origin ? &before[*origin] : nullptr, &after[index]);
        }
        for (const auto index : pairing.removed)
            compare_table<Value>(setting, &before[index], nullptr);
    }

    /// Null: there is none.
    template <class Value>
    void compare_table(const model::Description& setting, const Value* before, const Value* after) {
        if (before && after && *before == *after) return;
        const auto outer = subject_;
        set_subject(before, after);
        path_.back().name = name_of_table(after ? *after : *before);
        if (!before) {
            add(DifferenceKind::added, setting);
        } else if (!after) {
            add(DifferenceKind::removed, setting);
        } else {
            compare(*before, *after);
        }
        path_.back().name.clear();
        subject_ = outer;
    }

    template <class Value>
    void set_subject(const Value* before, const Value* after) {
        if constexpr (std::same_as<Value, model::VirtualServer>) {
            subject_ = {.service_before = before, .service_after = after};
        } else if constexpr (std::same_as<Value, model::RealServer>) {
            subject_.server_before = before;
            subject_.server_after = after;
        }
    }

    void add(DifferenceKind kind, const model::Description& setting, std::string before = "",
             std::string after = "") {
        found_.push_back({kind, path_, std::move(before), std::move(after), &setting, subject_});
    }

    Path path_;
    Subject subject_;
    std::vector<Difference> found_;
};

}  // namespace

std::string to_string(const Path& path) {
    std::string text;
    for (const auto& step : path) {
        text += fmt::format("{}{}", text.empty() ? "" : " / ", step.key);
        if (!step.name.empty()) text += fmt::format(" \"{}\"", step.name);
    }
    return text;
}

std::vector<Difference> differences(const model::Configuration& before,
                                    const model::Configuration& after) {
    Comparison comparison;
    comparison.compare(before, after);
    return comparison.take();
}

}  // namespace shoal::config

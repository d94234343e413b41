#include "config/document.h"

#include <algorithm>

namespace shoal::config {

const Entry* Table::find(std::string_view key) const {
    const auto entry = std::ranges::lower_bound(entries, key, {}, &Entry::key);
    return entry == entries.end() || entry->key != key ? nullptr : &*entry;
}

Entry* Table::find(std::string_view key) {
    const auto entry = std::ranges::lower_bound(entries, key, {}, &Entry::key);
    return entry == entries.end() || entry->key != key ? nullptr : &*entry;
}

}  // namespace shoal::config

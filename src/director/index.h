#pragma once

#include <map>
#include <vector>

namespace shoal::director {

/// Finds services or servers of a list by their keys; there may be thousands. The list must outlive
/// it.
template <class Entry>
class Index {
  public:
    using Key = decltype(Entry::key);

    explicit Index(const std::vector<Entry>& entries) {
        for (const auto& entry : entries)
            entries_.emplace(entry.key, &entry);
    }
    const Entry* find(const Key& key) const {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : found->second;
    }

  private:
    std::map<Key, const Entry*> entries_;
};

}  // namespace shoal::director

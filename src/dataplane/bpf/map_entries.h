#pragma once

#include <bpf/bpf.h>

#include <cerrno>

#include "base/result.h"

namespace shoal::dataplane {

/// Calls `visit(key, value)` for every entry of a hash or an LPM trie that nobody changes
/// meanwhile.
template <class Key, class Value, class Visit>
Result<void> for_each_entry(int map, Visit&& visit) {
    Key key{};
    Key next{};
    const Key* from = nullptr;
    while (bpf_map_get_next_key(map, from, &next) == 0) {
        key = next;
        from = &key;
        Value value{};
        if (bpf_map_lookup_elem(map, &key, &value) != 0) {
            return fail(system_error("reading a map", errno));
        }
        visit(key, value);
    }
    if (errno == ENOENT) return {};
    return fail(system_error("reading a map", errno));
}

}  // namespace shoal::dataplane

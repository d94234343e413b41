#include "dataplane/bpf/cursor.h"

#include <algorithm>
#include <numeric>

namespace shoal::dataplane {

namespace {

bool has(const Pool& pool, std::uint32_t server) {
    return std::ranges::find(pool.members, server, &PoolMember::server) != pool.members.end();
}

/// A pointer to a removed server steps back to the one before it, or to the list's head.
std::uint32_t step_back(std::uint32_t last, const Pool& before, const Pool& after) {
    if (last == 0 || has(after, last - 1)) return last;
    auto place = std::ranges::find(before.members, last - 1, &PoolMember::server);
    if (place == before.members.end()) return 0;
    while (place != before.members.begin()) {
        --place;
        if (has(after, place->server)) return place->server + 1;
    }
    return 0;
}

/// wrr starts again at the list's head, with its current weight made one of the new steps.
std::uint16_t adapt_weight(std::uint32_t weight, const Pool& pool) {
    std::uint32_t heaviest = 0;
    std::uint32_t step = 0;
    for (const PoolMember& member : pool.members) {
        heaviest = std::max(heaviest, member.weight);
        step = std::gcd(step, member.weight);
    }
    if (heaviest == 0) return 0;
    const std::uint32_t top = heaviest - (step - 1);
    if (weight > top || weight == 0) return static_cast<std::uint16_t>(top);
    return static_cast<std::uint16_t>(step > 1 ? weight / step * step + 1 : weight);
}

}  // namespace

shoal_cursor cursor_after_change(shoal_cursor cursor, const Pool& before, const Pool& after) {
    shoal_cursor next{};
    if (before.scheduler != after.scheduler) return next;
    if (after.scheduler == SHOAL_SCHEDULER_RR)
        next.last = step_back(cursor.last, before, after);
    else if (after.scheduler == SHOAL_SCHEDULER_WRR)
        next.current_weight = adapt_weight(cursor.current_weight, after);
    return next;
}

}  // namespace shoal::dataplane

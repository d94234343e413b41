#include "dataplane/bpf/pool.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace shoal::dataplane {

namespace {

/// The cursor position of a server; 0, the head, if it is not a member.
std::uint16_t position_of(std::uint32_t server, std::span<const shoal_pool_member> members) {
    const auto found = std::ranges::find(members, server, &shoal_pool_member::server);
    if (found == members.end()) return 0;
    return static_cast<std::uint16_t>(found - members.begin() + 1);
}

/// A cursor on a removed server steps back to its predecessor in the list, as in IPVS.
void fill_carry(shoal_pool& pool, const shoal_pool& previous) {
    std::uint16_t last = 0;
    for (std::uint32_t i = 0; i < previous.count; ++i) {
        const std::uint16_t now = position_of(previous.member[i].server, members(pool));
        if (now != 0) last = now;
        pool.carry[i + 1] = last;
    }
}

void fill_weights(shoal_pool& pool) {
    pool.max_weight = 0;
    std::uint32_t divisor = 0;
    for (const shoal_pool_member& member : members(pool)) {
        pool.max_weight = std::max(pool.max_weight, member.weight);
        divisor = std::gcd(divisor, member.weight);
    }
    pool.weight_gcd = divisor == 0 ? 1 : divisor;
}

}  // namespace

std::span<const shoal_pool_member> members(const shoal_pool& pool) {
    return {&pool.member[0], std::min<std::size_t>(pool.count, SHOAL_MAX_POOL)};
}

shoal_pool make_pool(std::span<const shoal_pool_member> list, const shoal_pool& previous,
                     Cursor cursor) {
    shoal_pool pool{};
    pool.count = static_cast<std::uint32_t>(list.size());
    pool.generation = previous.generation + 1;
    std::ranges::copy(list, &pool.member[0]);
    fill_weights(pool);
    if (cursor == Cursor::carried) fill_carry(pool, previous);
    return pool;
}

}  // namespace shoal::dataplane

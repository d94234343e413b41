/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* lc and wlc: the least overhead, in wlc relative to the weight; the first of equals wins. */

#include "pool.h"

#define MEMBERS_PER_CALL 8

struct least {
    const struct shoal_pool* pool;
    __u64 overhead;
    __u32 weight;
    int server;
    bool weighted;
};

/* IPVS's overhead of 256 * active + inactive. */
static __always_inline __u64 overhead_of(__u64 load) {
    return (load >> 32) * 256 + (__u32)load;
}

/* Looks at the next eight members; 1 at the end of the pool. */
static __noinline long compare_members(__u32 call, struct least* least) {
    const struct shoal_pool* pool = least->pool;
    for (__u32 i = 0; i < MEMBERS_PER_CALL; ++i) {
        __u32 index = call * MEMBERS_PER_CALL + i;
        if (index >= pool->count || index >= SHOAL_MAX_POOL) return 1;
        const struct shoal_pool_member* member = get_member(pool, index);
        __u32 server = member->server;
        __u32 weight = member->weight;

        if (!weight) continue;
        if (!least->weighted) weight = 1;
        const __u64* load = get_load(server);
        if (!load) continue;
        __u64 overhead = overhead_of(READ_ONCE(*load));
        if (least->weight && least->overhead * weight <= overhead * least->weight) continue;
        least->overhead = overhead;
        least->weight = weight;
        least->server = server;
    }
    return 0;
}

/* Index into server_table. */
static __always_inline int pick_least(__u32 service, bool weighted) {
    const struct shoal_pool* pool = get_pool(service);
    if (!pool) return NO_SERVER;

    struct least least = {.pool = pool, .server = NO_SERVER, .weighted = weighted};
    /* A call through bpf_loop costs more than eight comparisons; most pools are small. */
    if (pool->count <= MEMBERS_PER_CALL)
        compare_members(0, &least);
    else
        bpf_loop(SHOAL_MAX_POOL / MEMBERS_PER_CALL, compare_members, &least, 0);
    return least.server;
}

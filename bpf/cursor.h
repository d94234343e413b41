/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* rr and wrr: a walk through the pool from where the last one ended. */

#include "pool.h"

/* After so many lost compare-and-swaps the pick is used although another CPU moved the cursor. */
#define CURSOR_ATTEMPTS 8

/* IPVS's wrr: the weight that a pass through the list begins with. */
static __always_inline __u32 top_weight(const struct shoal_pool* pool) {
    return pool->max_weight - (pool->weight_gcd - 1);
}

/* Makes a cursor of an earlier pool one of this pool. */
static __always_inline void adapt(union shoal_cursor* cursor, const struct shoal_pool* pool,
                                  bool weighted) {
    __u16 generation = pool->generation;
    bool changed = cursor->generation != generation;
    cursor->generation = generation;
    if (!weighted) {
        __u32 position = cursor->position;
        if (changed && position < SHOAL_MAX_POOL + 8) cursor->position = pool->carry[position];
        return;
    }
    __u32 top = top_weight(pool), step = pool->weight_gcd;
    if (changed) cursor->position = 0;
    if (cursor->current_weight > top || !cursor->current_weight)
        cursor->current_weight = top;
    else if (changed && step > 1)
        cursor->current_weight = cursor->current_weight / step * step + 1;
}

/* rr takes the first member of a weight above 0 behind the cursor. wrr takes the first that weighs
 * at least current_weight, which falls by one step at each end of the list; the heaviest member
 * passes at any current_weight, so two passes find one. */
struct walk {
    const struct shoal_pool* pool;
    __u32 index;  /* of the next member */
    __u32 weight; /* that it must have */
    int server;
    bool weighted;
};

#define STEPS_PER_CALL 8
#define WALK_CALLS (2 * SHOAL_MAX_POOL / STEPS_PER_CALL + 1)

/* The next eight steps; 1 when a member is found. */
static __noinline long take_steps(__u32 call, struct walk* walk) {
    const struct shoal_pool* pool = walk->pool;
    (void)call;
    for (int step = 0; step < STEPS_PER_CALL; ++step) {
        if (walk->index >= pool->count) {
            walk->index = 0;
            if (walk->weighted)
                walk->weight = walk->weight > pool->weight_gcd ? walk->weight - pool->weight_gcd
                                                               : top_weight(pool);
        }
        const struct shoal_pool_member* member = get_member(pool, walk->index++);
        if (member->weight < walk->weight) continue;
        walk->server = member->server;
        return 1;
    }
    return 0;
}

/* Picks and moves the cursor. */
static __always_inline int walk_pool(const struct shoal_pool* pool, union shoal_cursor* cursor,
                                     bool weighted) {
    struct walk walk = {.pool = pool,
                        .index = cursor->position,
                        .weight = weighted ? cursor->current_weight : 1,
                        .server = NO_SERVER,
                        .weighted = weighted};
    if (!take_steps(0, &walk)) bpf_loop(WALK_CALLS, take_steps, &walk, 0);
    cursor->position = walk.index;
    if (weighted) cursor->current_weight = walk.weight;
    return walk.server;
}

struct cursor_pick {
    const struct shoal_pool* pool;
    union shoal_cursor* cursor;
    int server;
    bool weighted;
};

/* 1 once the cursor has moved. */
static __noinline long try_pick(__u32 attempt, struct cursor_pick* pick) {
    (void)attempt;
    union shoal_cursor old = {.word = READ_ONCE(pick->cursor->word)};
    union shoal_cursor new = old;
    adapt(&new, pick->pool, pick->weighted);
    pick->server = walk_pool(pick->pool, &new, pick->weighted);
    return __sync_val_compare_and_swap(&pick->cursor->word, old.word, new.word) == old.word;
}

/* Index into server_table. */
SLOW_PATH int pick_by_cursor(__u32 service, bool weighted) {
    struct cursor_pick pick = {
        .pool = get_pool(service), .server = NO_SERVER, .weighted = weighted};
    pick.cursor = bpf_map_lookup_elem(&scheduler_state, &service);
    if (!pick.pool || !pick.cursor || !pick.pool->max_weight) return NO_SERVER;
    if (!try_pick(0, &pick)) bpf_loop(CURSOR_ATTEMPTS - 1, try_pick, &pick, 0);
    return pick.server;
}

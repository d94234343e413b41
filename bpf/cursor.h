/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* rr and wrr: a walk through the pool from behind the server last chosen. */

#include "tree.h"

/* After so many lost compare-and-swaps the pick is used although another CPU moved the cursor. */
#define CURSOR_ATTEMPTS 8

/* The search for the next usable member that weighs at least `weight`. */
struct walk {
    void* pool;
    __u32 leaf;   /* number of the next one */
    __u32 slot;   /* the first that counts there */
    __u32 weight; /* that it must have */
    int server;
};

/* 0 where the member is usable, heavy enough and not before the first slot. One branch for the
 * three, so that the verifier follows two ways and not four. */
static __always_inline __u64 is_unfit(const struct shoal_pool_node* leaf, const struct walk* walk,
                                      __u32 slot) {
    __u64 usable = READ_ONCE(leaf->score[slot]) - SHOAL_SCORE_NONE;
    __u64 light = (__u64)leaf->weight[slot] - walk->weight, before = (__u64)slot - walk->slot;
    __u64 unfit = (~usable | light | before) >> 63;
    asm volatile("" : "+r"(unfit));
    return unfit;
}

/* Looks at the next leaf; 1 when a member is found. */
static __noinline long visit_leaf(__u32 call, struct walk* walk) {
    (void)call;
    const struct shoal_pool_node* leaf = get_node(walk->pool, 1 + walk->leaf);
    if (!leaf) return 1;
#pragma clang loop unroll(disable)
    for (__u32 i = 0; i < SHOAL_NODE_SLOTS; ++i) {
        __u32 slot = slot_of(i);
        if (is_unfit(leaf, walk, slot)) continue;
        walk->server = leaf->server[slot];
        return 1;
    }
    walk->slot = 0;
    ++walk->leaf;
    return 0;
}

/* From a place in the list to its end. */
static __noinline int walk_from(struct walk* walk, __u32 leaves, __u32 position) {
    walk->leaf = position / SHOAL_NODE_SLOTS;
    walk->slot = position % SHOAL_NODE_SLOTS;
    if (walk->leaf >= leaves) return 0;
    if (!visit_leaf(0, walk) && walk->leaf < leaves)
        bpf_loop(leaves - walk->leaf, visit_leaf, walk, 0);
    return walk->server != NO_SERVER;
}

struct heaviest {
    void* pool;
    __u32 weight;
};

static __noinline long weigh_leaf(__u32 number, struct heaviest* heaviest) {
    const struct shoal_pool_node* leaf = get_node(heaviest->pool, 1 + number);
    if (!leaf) return 1;
    for (__u32 slot = 0; slot < SHOAL_NODE_SLOTS; ++slot) {
        /* As `better`: without branches. */
        __u64 usable = (__u64)((__s64)(READ_ONCE(leaf->score[slot]) - SHOAL_SCORE_NONE) >> 63);
        __u64 weight = leaf->weight[slot] & usable;
        __u64 less = (__u64)((__s64)(heaviest->weight - weight) >> 63);
        asm volatile("" : "+r"(less));
        heaviest->weight ^= (heaviest->weight ^ weight) & less;
    }
    return 0;
}

/* The largest weight of a usable member; 0: there is none. */
static __noinline int heaviest_usable(void* pool, __u32 leaves) {
    struct heaviest heaviest = {.pool = pool};
    bpf_loop(leaves, weigh_leaf, &heaviest, 0);
    return heaviest.weight;
}

/* IPVS's wrr: the weight that a pass through the list begins with. */
static __always_inline __u32 top_weight(const struct shoal_pool_header* header) {
    return header->max_weight - (header->weight_gcd - 1);
}

/* wrr takes the first member that weighs at least current_weight, which falls by one step at each
 * end of the list; passes in which nobody could be found are left out. */
static __always_inline void find_weighted(struct walk* walk, const struct shoal_pool_header* header,
                                          __u32 position) {
    __u32 step = header->weight_gcd;
    if (walk_from(walk, header->leaves, position)) return;
    walk->weight = walk->weight > step ? walk->weight - step : top_weight(header);
    if (walk_from(walk, header->leaves, 0)) return;
    /* The members that weigh enough are overloaded. */
    __u32 heaviest = heaviest_usable(walk->pool, header->leaves);
    if (!heaviest) return;
    walk->weight = heaviest - (step - 1);
    walk_from(walk, header->leaves, 0);
}

/* The place behind the server last chosen; the head's, where that is no member. */
static __always_inline __u32 place_behind(void* pool, const struct shoal_pool_header* header,
                                          const union shoal_cursor* cursor) {
    if (!cursor->last) return 0;
    __u32 server = cursor->last - 1, position;
    const struct shoal_server_load* load = get_load(server);
    return load && find_leaf(pool, header, load, server, &position) ? position + 1 : 0;
}

static __always_inline int walk_rr(struct walk* walk, const struct shoal_pool_header* header,
                                   union shoal_cursor* cursor, __u32 position) {
    if (walk_from(walk, header->leaves, position) || walk_from(walk, header->leaves, 0))
        cursor->last = walk->server + 1;
    return walk->server;
}

static __always_inline int walk_wrr(struct walk* walk, const struct shoal_pool_header* header,
                                    union shoal_cursor* cursor, __u32 position) {
    __u32 top = top_weight(header), weight = cursor->current_weight;
    if (!header->max_weight) return NO_SERVER;
    if (!weight || weight > top) weight = top;
    walk->weight = weight;
    find_weighted(walk, header, position);
    if (walk->server != NO_SERVER) {
        cursor->last = walk->server + 1;
        cursor->current_weight = walk->weight;
    } else if (!position || weight > header->weight_gcd) {
        /* Everybody is overloaded. IPVS gives up after the lowest weight, at the list's end; when
         * it began in the pass of the lowest, where it began. */
        cursor->last = 0;
        cursor->current_weight = top;
    }
    return walk->server;
}

struct cursor_pick {
    void* pool;
    union shoal_cursor* cursor;
    int server;
};

/* 1 once the cursor has moved. */
static __noinline long try_pick(__u32 attempt, struct cursor_pick* pick) {
    (void)attempt;
    const struct shoal_pool_header* header = get_header(pick->pool);
    if (!header) return 1;
    union shoal_cursor old = {.word = READ_ONCE(pick->cursor->word)};
    union shoal_cursor new = old;
    struct walk walk = {.pool = pick->pool, .weight = 1, .server = NO_SERVER};
    __u32 position = place_behind(pick->pool, header, &old);
    if (header->scheduler == SHOAL_SCHEDULER_WRR)
        pick->server = walk_wrr(&walk, header, &new, position);
    else
        pick->server = walk_rr(&walk, header, &new, position);
    return __sync_val_compare_and_swap(&pick->cursor->word, old.word, new.word) == old.word;
}

/* Index into server_table. */
SLOW_PATH int pick_by_cursor(__u32 service) {
    struct cursor_pick pick = {.pool = get_pool(service), .server = NO_SERVER};
    pick.cursor = bpf_map_lookup_elem(&scheduler_state, &service);
    if (!pick.pool || !pick.cursor) return NO_SERVER;
    if (!try_pick(0, &pick)) bpf_loop(CURSOR_ATTEMPTS - 1, try_pick, &pick, 0);
    return pick.server;
}

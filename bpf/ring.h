/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* dh, sh and mh: the slot of an address in a ring that shoald has filled. Pools of other schedulers
 * have a ring too, which serves clients while the table is full; see stateless.h. */

#include "flow.h"
#include "pool.h"
#include "ring_hash.h"

struct ring_search {
    void* pool;
    __u32 source; /* what is hashed: an address, plus the port where that counts */
    __u32 home;   /* the slot of `source` */
    __u32 size;
    __u32 first_node;
    __u32 scheduler;
    int server;
    bool stateless;
};

/* Without records the answer must be the same for all packets of a flow, so that only the weight
 * counts: a real server may be overloaded now and not a moment later. */
static __always_inline bool is_usable(const struct ring_search* search,
                                      const struct shoal_pool_node* leaf, __u32 member) {
    if (search->stateless) return leaf->weight[member];
    return READ_ONCE(leaf->score[member]) != SHOAL_SCORE_NONE;
}

/* 1: the search ends here, with a server or at an empty slot. */
static __noinline int look_at_slot(struct ring_search* search, __u32 slot) {
    const struct shoal_pool_node* node =
        get_node(search->pool, search->first_node + slot / SHOAL_RING_NODE_SLOTS);
    if (!node) return 1;
    slot &= SHOAL_RING_NODE_SLOTS - 1;
    asm volatile("" : "+r"(slot));
    __u32 position = node->ring[slot & (SHOAL_RING_NODE_SLOTS - 1)];
    if (position == SHOAL_RING_EMPTY) return 1;
    const struct shoal_pool_node* leaf = get_leaf(search->pool, position);
    if (!leaf) return 1;
    __u32 member = slot_of(position);
    if (!is_usable(search, leaf, member)) return 0;
    search->server = leaf->server[member];
    return 1;
}

/* IPVS's fallback: hashes again with an offset, which walks round the ring from the home slot. */
static __noinline long fall_back(__u32 step, struct ring_search* search) {
    if (!search->size) return 1;
    __u32 offset = (step + search->home) % search->size, slot;
    if (search->scheduler == SHOAL_SCHEDULER_MH)
        slot = shoal_mh_hash(SHOAL_MH_FIRST_KEY, search->source + offset) % search->size;
    else
        slot = (search->home + offset) % search->size;
    return look_at_slot(search, slot);
}

static __always_inline bool schedules_by_ring(__u32 scheduler) {
    const __u32 rings =
        1U << SHOAL_SCHEDULER_DH | 1U << SHOAL_SCHEDULER_SH | 1U << SHOAL_SCHEDULER_MH;
    return rings >> (scheduler & 31) & 1;
}

static __always_inline int search_ring(const struct flow* flow, __u32 service, bool stateless) {
    void* pool = get_pool(service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    if (!flow || !header || !header->ring_size) return NO_SERVER;
    bool by_virtual = header->scheduler == SHOAL_SCHEDULER_DH;
    struct ring_search search = {.pool = pool,
                                 .size = header->ring_size,
                                 .first_node = header->first_ring_node,
                                 .scheduler = header->scheduler,
                                 .server = NO_SERVER,
                                 .stateless = stateless};
    search.source =
        bpf_ntohl(fold_address(by_virtual ? flow->other_address : flow->client_address));
    if (!by_virtual && header->flags & SHOAL_SERVICE_HASH_PORT)
        search.source += bpf_ntohs(flow->client_port);
    if (!schedules_by_ring(search.scheduler))
        search.home = (__u32)(flow->hash >> 32) % search.size;
    else if (search.scheduler == SHOAL_SCHEDULER_MH)
        search.home = shoal_mh_hash(SHOAL_MH_FIRST_KEY, search.source) % search.size;
    else
        search.home = shoal_hash_slot(search.source);
    bool fallback = !by_virtual && header->flags & SHOAL_SERVICE_HASH_FALLBACK;
    if (!look_at_slot(&search, search.home) && fallback)
        bpf_loop(search.size, fall_back, &search, 0);
    return search.server;
}

/* Index into server_table, or NO_SERVER. */
SLOW_PATH int pick_by_ring(const struct flow* flow, __u32 service) {
    return search_ring(flow, service, false);
}

/* The same, of any scheduler's pool, the same for all packets of a flow while the pool stays. */
SLOW_PATH int pick_without_record(const struct flow* flow, __u32 service) {
    return search_ring(flow, service, true);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The real servers of a virtual server in list order; see "Pools" in abi.h. */

#include "score.h"
#include "tables.h"

#define NO_SERVER (-1)

/* A slot's number, masked behind the compiler's back, so that the verifier sees the bound whatever
 * the compiler makes of the caller's code. */
static __always_inline __u32 slot_of(__u32 position) {
    position &= SHOAL_NODE_SLOTS - 1;
    asm volatile("" : "+r"(position));
    return position & (SHOAL_NODE_SLOTS - 1);
}

/* The inner map; NULL: the service has no pool. */
static __always_inline void* get_pool(__u32 service) {
    return bpf_map_lookup_elem(&pools, &service);
}

static __always_inline struct shoal_pool_node* get_node(void* pool, __u32 index) {
    return bpf_map_lookup_elem(pool, &index);
}

static __always_inline const struct shoal_pool_header* get_header(void* pool) {
    const struct shoal_pool_node* node = get_node(pool, 0);
    return node ? &node->header : NULL;
}

static __always_inline struct shoal_pool_node* get_leaf(void* pool, __u32 position) {
    return get_node(pool, 1 + position / SHOAL_NODE_SLOTS);
}

/* The leaf of a server that is a member; its slot there goes to `position`'s low bits. */
static __always_inline struct shoal_pool_node* find_leaf(void* pool,
                                                         const struct shoal_pool_header* header,
                                                         const struct shoal_server_load* load,
                                                         __u32 server, __u32* position) {
    __u32 place = READ_ONCE(load->position[header->generation & 1]);
    struct shoal_pool_node* leaf = get_leaf(pool, place);
    if (place >= header->count || !leaf || leaf->server[slot_of(place)] != server) return NULL;
    *position = place;
    return leaf;
}

/* The weight of a real server in its service's pool; 0 if it is no member. */
SLOW_PATH int weight_in_pool(__u32 service, __u32 server) {
    void* pool = get_pool(service);
    if (!pool) return 0;
    const struct shoal_pool_header* header = get_header(pool);
    const struct shoal_server_load* load = get_load(server);
    __u32 position;
    if (!header || !load) return 0;
    const struct shoal_pool_node* leaf = find_leaf(pool, header, load, server, &position);
    return leaf ? leaf->weight[slot_of(position)] : 0;
}

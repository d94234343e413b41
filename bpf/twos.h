/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* twos: the less loaded of two real servers drawn at random by weight. */

#include "pool.h"

struct draw {
    void* pool;
    __u32 total;  /* weight of all usable members */
    __s64 left_a; /* of the random numbers, which weights in list order are taken from */
    __s64 left_b;
    int a; /* places in the list */
    int b;
    int last; /* usable member */
};

static __always_inline __u32 usable_weight(const struct shoal_pool_node* leaf, __u32 slot) {
    return READ_ONCE(leaf->score[slot]) == SHOAL_SCORE_NONE ? 0 : leaf->weight[slot];
}

static __noinline long sum_member(__u32 position, struct draw* draw) {
    const struct shoal_pool_node* leaf = get_leaf(draw->pool, position);
    __u32 weight = leaf ? usable_weight(leaf, slot_of(position)) : 0;
    draw->total += weight;
    if (weight) draw->last = position;
    return 0;
}

static __noinline long draw_member(__u32 position, struct draw* draw) {
    const struct shoal_pool_node* leaf = get_leaf(draw->pool, position);
    __u32 weight = leaf ? usable_weight(leaf, slot_of(position)) : 0;
    if (!weight) return 0;
    draw->left_a -= weight;
    draw->left_b -= weight;
    if (draw->left_a <= 0 && draw->a < 0) draw->a = position;
    if (draw->left_b <= 0 && draw->b < 0) draw->b = position;
    return draw->a >= 0 && draw->b >= 0;
}

struct drawn {
    int server;
    __u32 weight;
    __u64 overhead;
};

static __always_inline struct drawn drawn_at(void* pool, int position) {
    struct drawn drawn = {.server = NO_SERVER};
    const struct shoal_pool_node* leaf = position < 0 ? NULL : get_leaf(pool, position);
    if (!leaf) return drawn;
    __u32 server = leaf->server[slot_of(position)];
    const struct shoal_server_load* load = get_load(server);
    if (!load) return drawn;
    drawn.server = server;
    drawn.weight = leaf->weight[slot_of(position)];
    drawn.overhead = shoal_overhead(READ_ONCE(load->load));
    return drawn;
}

/* Index into server_table. The random numbers may be any. */
SLOW_PATH int pick_of_two_by(__u32 service, __u32 random_a, __u32 random_b) {
    struct draw draw = {.pool = get_pool(service), .last = -1};
    if (!draw.pool) return NO_SERVER;
    const struct shoal_pool_header* header = get_header(draw.pool);
    if (!header) return NO_SERVER;
    bpf_loop(header->count, sum_member, &draw, 0);
    if (draw.last < 0) return NO_SERVER;
    /* From 0 to the total inclusive, as IPVS draws. */
    draw.left_a = random_a % ((__u64)draw.total + 1);
    draw.left_b = random_b % ((__u64)draw.total + 1);
    draw.a = draw.b = (int)unknown_zero(bpf_jiffies64()) - 1;
    bpf_loop(header->count, draw_member, &draw, 0);
    /* A weight that fell meanwhile may leave one undrawn. */
    struct drawn a = drawn_at(draw.pool, draw.a < 0 ? draw.last : draw.a);
    struct drawn b = drawn_at(draw.pool, draw.b);
    return b.server >= 0 && b.weight * a.overhead > a.weight * b.overhead ? b.server : a.server;
}

/* Index into server_table. */
static __always_inline int pick_of_two(__u32 service) {
    return pick_of_two_by(service, bpf_get_prandom_u32(), bpf_get_prandom_u32());
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which real server gets a new connection. IPVS's order, ties and weights. */

#include "cursor.h"
#include "flow.h"
#include "locality.h"
#include "ring.h"
#include "tree.h"
#include "twos.h"

/* A leaf may lose its last usable member between a look at the nodes above and one at it. */
#define DESCENTS 8

/* Not least by score: see pick_otherwise. */
#define OTHER_SCHEDULER (-2)

struct descent {
    void* pool;
    int server;
};

/* 1 once a server is found or there is none. */
static __noinline long try_descent(__u32 attempt, struct descent* descent) {
    (void)attempt;
    const struct shoal_pool_header* header = get_header(descent->pool);
    if (!header) return 1;
    descent->server = descend(descent->pool, header);
    return descent->server >= 0 || header->depth == 1;
}

static __always_inline bool picks_least(__u32 scheduler) {
    const __u32 least = 1U << SHOAL_SCHEDULER_LC | 1U << SHOAL_SCHEDULER_WLC |
                        1U << SHOAL_SCHEDULER_SED | 1U << SHOAL_SCHEDULER_NQ |
                        1U << SHOAL_SCHEDULER_FO | 1U << SHOAL_SCHEDULER_OVF;
    return least >> (scheduler & 31) & 1;
}

/* Index into server_table, NO_SERVER or OTHER_SCHEDULER. */
SLOW_PATH int pick_least(__u32 service) {
    void* pool = get_pool(service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    if (!header) return NO_SERVER;
    if (!picks_least(header->scheduler)) return OTHER_SCHEDULER;
    if (header->depth == 1) return best_member(pool, 0, header->count);
    struct descent descent = {.pool = pool, .server = NO_SERVER};
    if (!try_descent(0, &descent)) bpf_loop(DESCENTS, try_descent, &descent, 0);
    return descent.server;
}

/* Index into server_table, or NO_SERVER. */
SLOW_PATH int pick_otherwise(const struct flow* flow, __u32 service) {
    if (!flow) return NO_SERVER;
    void* pool = get_pool(service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    if (!header) return NO_SERVER;
    switch (header->scheduler) {
        case SHOAL_SCHEDULER_RR:
        case SHOAL_SCHEDULER_WRR:
            return pick_by_cursor(service);
        case SHOAL_SCHEDULER_DH:
        case SHOAL_SCHEDULER_SH:
        case SHOAL_SCHEDULER_MH:
            return pick_by_ring(flow, service);
        case SHOAL_SCHEDULER_LBLC:
        case SHOAL_SCHEDULER_LBLCR:
            return pick_by_locality(flow, service);
        case SHOAL_SCHEDULER_TWOS:
            return pick_of_two(service);
        default: /* changed meanwhile */
            return pick_least(service);
    }
}

/* `flow` is that of the client's packet. Index into server_table, or NO_SERVER. Two steps, so that
 * the common one is short and the deeper one has the stack to itself. */
static __always_inline int pick_server(const struct flow* flow, __u32 service) {
    int server = pick_least(service);
    return server == OTHER_SCHEDULER ? pick_otherwise(flow, service) : server;
}

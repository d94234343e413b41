/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which real server gets a new connection. IPVS's order, ties and weights. */

#include "cursor.h"
#include "least_connection.h"

/* Index into server_table, or NO_SERVER. */
SLOW_PATH int pick_server(__u32 service) {
    struct shoal_service* record = bpf_map_lookup_elem(&service_table, &service);
    if (!record) return NO_SERVER;
    switch (record->scheduler) {
        case SHOAL_SCHEDULER_RR:
        case SHOAL_SCHEDULER_WRR:
            return pick_by_cursor(service, record->scheduler == SHOAL_SCHEDULER_WRR);
        default:
            return pick_least(service, record->scheduler == SHOAL_SCHEDULER_WLC);
    }
}

/* Brings a service's cursor to its present pool, so that the next change of the pool finds it
 * there: `carry` leads from one pool to the next only. */
static __always_inline void carry(__u32 service) {
    struct shoal_service* record = bpf_map_lookup_elem(&service_table, &service);
    struct shoal_pool* pool = get_pool(service);
    union shoal_cursor* cursor = bpf_map_lookup_elem(&scheduler_state, &service);
    if (!record || !pool || !cursor) return;
    for (int attempt = 0; attempt < CURSOR_ATTEMPTS; ++attempt) {
        union shoal_cursor old = {.word = READ_ONCE(cursor->word)};
        union shoal_cursor new = old;
        adapt(&new, pool, record->scheduler == SHOAL_SCHEDULER_WRR);
        if (__sync_val_compare_and_swap(&cursor->word, old.word, new.word) == old.word) return;
    }
}

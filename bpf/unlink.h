/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Taking a cell out of the flow index, the sweeper's alone. */

#include "link.h"

/* Deletes the entry if it names this cell. Only the sweeper and the entry's own maker delete, so
 * nobody can put another cell there between the two steps. */
static __always_inline void overflow_delete(const struct flow* flow, __u32 cell) {
    if (find_overflowed(flow) != cell) return;
    struct shoal_overflow_key key = overflow_key(flow);
    bpf_map_delete_elem(&overflow, &key);
}

/* Takes a dead connection's cell out of the index. `flow` is the connection's forward flow. */
static __always_inline void unlink_cell(const struct flow* flow,
                                        const struct shoal_connection* connection, __u32 cell) {
    for (__u32 place = 0; place < PLACE_OVERFLOW; ++place) {
        __u64* slot = get_slot(flow->hash, place);
        if (!slot) return;
        if ((READ_ONCE(*slot) & SHOAL_SLOT_CELL_MASK) != cell) continue;
        __sync_fetch_and_and(slot, SHOAL_SLOT_OVERFLOW_MASK);
        return;
    }
    overflow_delete(flow, cell);
    if (connection->method == SHOAL_METHOD_NAT) {
        struct flow reply = reply_flow(flow, connection);
        overflow_delete(&reply, cell);
    }
    count_overflow_down(flow->hash);
}

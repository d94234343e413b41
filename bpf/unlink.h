/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Taking a cell out of the flow index. Done by whoever alone may: the sweeper where the connection
 * is DEAD, and the program that made its word FREE. */

#include "link.h"

/* Deletes the entry if it names this cell. Nobody else deletes such an entry, so nobody can put
 * another cell there between the two steps. */
static __always_inline void overflow_delete(const struct shoal_overflow_key* key, __u32 cell) {
    const __u32* found = bpf_map_lookup_elem(&overflow, key);
    if (found && *found == cell) bpf_map_delete_elem(&overflow, key);
}

static __always_inline bool clear_slot(struct shoal_bucket* bucket, __u32 cell) {
    for (int i = 0; i < SHOAL_BUCKET_SLOTS; ++i) {
        if ((READ_ONCE(bucket->slot[i]) & SHOAL_SLOT_CELL_MASK) != cell) continue;
        __sync_fetch_and_and(&bucket->slot[i], SHOAL_SLOT_COUNT_MASK);
        return true;
    }
    return false;
}

/* Takes a dead connection's cell out of the index. `key` is the connection's, as the client's
 * packets name it, and is spoilt. */
static __always_inline void unlink_cell(__u64 hash, struct shoal_overflow_key* key,
                                        const struct shoal_connection* connection, __u32 cell) {
    struct shoal_bucket* first = get_bucket(first_bucket(hash));
    struct shoal_bucket* alternate = get_bucket(alternate_bucket(hash));
    if (!first || !alternate) return;
    if (clear_slot(first, cell)) return;
    if (clear_slot(alternate, cell)) {
        count_down(hash, SHOAL_ALTERNATE_COUNT_SLOT);
        return;
    }
    overflow_delete(key, cell);
    if (has_replies(connection)) {
        turn_key(key, connection);
        overflow_delete(key, cell);
    }
    count_down(hash, SHOAL_OVERFLOW_COUNT_SLOT);
}

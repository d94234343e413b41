/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Free cells: the sweeper and whoever reclaims one put them into the ring, each CPU takes them out
 * in batches. */

#include "tables.h"

#define REFILL_ATTEMPTS 8

/* The cell must be out of the index. It rests before it is given out again. */
static __always_inline void put_back(struct shoal_free_ring* ring, __u32 cell) {
    __u32 place = __sync_fetch_and_add(&ring->written, 1) & shoal_cell_mask;
    __u32* free = bpf_map_lookup_elem(&free_cells, &place);
    if (free) WRITE_ONCE(*free, cell);
}

static __always_inline bool is_scarce(const struct shoal_free_ring* ring) {
    return READ_ONCE(ring->written) - READ_ONCE(ring->head) < (shoal_cell_mask + 1) >>
           SHOAL_RESERVE_SHIFT;
}

SLOW_PATH __u32 refill(struct shoal_free_batch* batch) {
    if (!batch) return 0;

    __u32 zero = 0;
    struct shoal_free_ring* ring = bpf_map_lookup_elem(&free_ring, &zero);
    if (!ring) return 0;
    batch->scarce = is_scarce(ring);
    __u32 head = READ_ONCE(ring->head);
    __u32 count = 0;
    for (int attempt = 0; attempt < REFILL_ATTEMPTS; ++attempt) {
        __u32 available = READ_ONCE(ring->tail) - head;
        if (available > shoal_cell_mask) return 0; /* head was stale: tail has not come round */
        if (available > SHOAL_FREE_BATCH) available = SHOAL_FREE_BATCH;
        if (!available) return 0;
        __u32 found = __sync_val_compare_and_swap(&ring->head, head, head + available);
        if (found == head) {
            count = available;
            break;
        }
        head = found;
    }
    /* The places are ours to read: the ring has one for every cell, so none is written again
     * before the cells in it come back. */
    for (__u32 i = 0; i < SHOAL_FREE_BATCH; ++i) {
        if (i >= count) break;
        __u32 place = (head + i) & shoal_cell_mask;
        __u32* cell = bpf_map_lookup_elem(&free_cells, &place);
        if (!cell) return 0;
        batch->cell[i] = *cell;
        WRITE_ONCE(*cell, 0);
    }
    batch->count = count;
    return count;
}

static __always_inline struct shoal_free_batch* get_batch(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&free_batch, &zero);
}

/* 0: there is none. */
static __always_inline __u32 take_cell(void) {
    struct shoal_free_batch* batch = get_batch();
    if (!batch) return 0;
    __u32 count = batch->count;
    if (!count) count = refill(batch);
    if (!count) return 0;
    __u32 last = count - 1;
    if (last >= SHOAL_FREE_BATCH) return 0;
    batch->count = last;
    return batch->cell[last];
}

/* A cell just taken and not used after all. */
static __always_inline void give_back(__u32 cell) {
    struct shoal_free_batch* batch = get_batch();
    if (!batch) return;
    __u32 count = batch->count;
    if (count >= SHOAL_FREE_BATCH) { /* of two cells taken, the first was the last of a batch */
        __u32 zero = 0;
        struct shoal_free_ring* ring = bpf_map_lookup_elem(&free_ring, &zero);
        if (ring) put_back(ring, cell);
        return;
    }
    batch->cell[count] = cell;
    batch->count = count + 1;
}

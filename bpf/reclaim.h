/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Half-open connections make room when free cells become scarce. Each new connection then looks at
 * a few cells further on and ends those that wait for their client's answer, at most two for the
 * one cell it takes itself. So a flood of SYNs lives on the cells of the flood before it: what a
 * SYN costs is bounded, established connections are not touched, and the cost falls to the CPUs
 * that the flood comes in by.
 *
 * A reclaimed cell is not used at once. Another CPU may be forwarding a packet of the old
 * connection by this very record, or be about to write the way to its client into it: with the next
 * connection's fields half there, the packet would go astray. As any freed cell it rests for a tick
 * first, which is why reclaiming begins while an eighth of the table is free: at two ticks' rest
 * at most, an eighth of a million cells keeps up with three million SYNs a second.
 *
 * Its number goes round by the clock: each CPU walks on where it stopped, cells are given out in
 * the order in which they were freed, so the walk meets the oldest first. */

#include "connection_state.h"
#include "free.h"

#define RECLAIM_LOOKS 16
#define RECLAIM_MOST 2

/* The client has not answered, or the real server that opened it got no answer. */
static __always_inline bool is_half_open(__u32 word) {
    __u32 state = word & SHOAL_WORD_STATE_MASK;
    return state == SHOAL_STATE_SYN_RECV || state == SHOAL_STATE_SYN_SENT ||
           state == SHOAL_STATE_SYNACK;
}

/* Two ticks, in jiffies: who opened a connection that is older has counted it by now. */
static __always_inline __u32 least_age(const struct shoal_settings* settings, bool urgent) {
    return urgent ? settings->hz / 25 + 1 : settings->hz;
}

/* Ends a half-open connection and makes its cell ours. True for the one caller who did. */
SLOW_PATH bool seize(__u32 cell, __u32 now, __u32 age) {
    struct shoal_connection* connection = get_connection(cell);
    if (!connection) return false;
    __u32 word = READ_ONCE(connection->word);
    if (!is_half_open(word) || (__s32)(now - READ_ONCE(connection->seen) - age) < 0) return false;
    struct counted counted = counted_in(connection);
    __u32 free = (word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_FREE;
    if (__sync_val_compare_and_swap(&connection->word, word, free) != word) return false;
    change_load_of(&counted, -load_of(word));
    return true;
}

/* As IPVS does: a persistence template that no established connection has used goes with the last
 * half-open one under it, or a flood would fill the table with templates. The sweeper frees it. */
static __always_inline void end_unassured(__u32 cell) {
    struct shoal_connection* template = get_connection(cell);
    if (!cell || !template || template->client_interface || READ_ONCE(template->controlled)) return;
    end_template(template, READ_ONCE(template->word));
}

/* A step of its own, because ending and unlinking both take stack. */
SLOW_PATH int free_seized(__u32 cell) {
    __u32 zero = 0;
    struct shoal_connection* connection = get_connection(cell);
    struct shoal_free_ring* ring = bpf_map_lookup_elem(&free_ring, &zero);
    if (!connection || !ring) return 0;
    __u32 template_cell = connection->template_cell;
    free_cell(connection, cell, ring);
    end_unassured(template_cell);
    return 0;
}

/* Half-open connections get a second; where a new one had to be turned away for want of a cell
 * (`urgent`), only the time that is right in any case. */
SLOW_PATH int reclaim(__u32 now, bool urgent) {
    __u32 zero = 0;
    struct shoal_free_batch* batch = get_batch();
    const struct shoal_free_ring* ring = bpf_map_lookup_elem(&free_ring, &zero);
    const struct shoal_settings* settings = get_settings();
    if (!batch || !ring || !settings) return 0;
    batch->scarce = is_scarce(ring);
    if (!batch->scarce) return 0;
    /* Not all CPUs from the same cell on. */
    __u32 first = batch->position ? batch->position : bpf_get_prandom_u32();
    __u32 age = least_age(settings, urgent);
    int ended = 0;
    __u32 looks = 0;
    while (looks < RECLAIM_LOOKS && ended < RECLAIM_MOST) {
        __u32 cell = (first + looks++) & shoal_cell_mask;
        if (!seize(cell, now, age)) continue;
        free_seized(cell);
        ++ended;
    }
    batch->position = first + looks;
    return ended;
}

static __always_inline bool cells_are_scarce(void) {
    const struct shoal_free_batch* batch = get_batch();
    return batch && batch->scarce;
}

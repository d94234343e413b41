/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Expiry. One timer walks the cells, a fiftieth of them a tick: it ends the connections that timed
 * out, takes ended ones out of the index and gives their cells back. A freed cell rests until the
 * next tick, when no program can still hold its number. */

#include "connection_state.h"
#include "free.h"

#define CELLS_PER_CALL 8

struct sweep {
    struct shoal_sweeper* sweeper;
    struct shoal_free_ring* ring;
    const struct shoal_settings* settings;
    __u32 first; /* cell */
    __u32 now;
    __u32 counting; /* as in sweeper */
};

#define PLACES_PER_CALL 8

struct rested {
    __u32 place; /* the first that is still to be looked at */
    __u32 end;
};

static long look_at_places(__u32 call, struct rested* rested) {
    (void)call;
    for (__u32 i = 0; i < PLACES_PER_CALL; ++i) {
        __u32 place = rested->place;
        if (place == rested->end) return 1;
        place &= shoal_cell_mask;
        const __u32* cell = bpf_map_lookup_elem(&free_cells, &place);
        if (!cell || !READ_ONCE(*cell)) return 1;
        ++rested->place;
    }
    return 0;
}

/* The cells freed up to the previous tick's end may be used again. */
static __always_inline void publish_rested(struct shoal_free_ring* ring) {
    struct rested rested = {.place = ring->tail, .end = ring->resting};
    bpf_loop((rested.end - rested.place) / PLACES_PER_CALL + 1, look_at_places, &rested, 0);
    __sync_lock_test_and_set(&ring->tail, rested.place);
}

static __always_inline bool has_expired(const struct shoal_connection* connection, __u32 word,
                                        const struct shoal_settings* settings, __u32 now) {
    __u32 state = word & SHOAL_WORD_STATE_MASK;
    if (state >= SHOAL_STATES) return false;
    /* Signed: a packet on another CPU may have been seen after `now` was read. */
    return (__s32)(now - READ_ONCE(connection->seen) - settings->timeout[state]) > 0;
}

/* As in IPVS, a template's time runs from the last opening under it. When it is over while
 * connections are open under it, the template gets another minute, again and again. */
#define TEMPLATE_RETRY_SECONDS 60

static __noinline void visit_template(struct shoal_connection* template, __u32 word, __u32 now) {
    const struct shoal_settings* settings = get_settings();
    const struct shoal_service* service = get_service(template->service);
    if (!settings || !service) return;
    __u32 timeout = service->in_use ? service->persistence_timeout : 0;
    __u32 seen = READ_ONCE(template->seen);
    if ((__s32)(now - seen - timeout) <= 0) return;
    __u32 retry = now - timeout + TEMPLATE_RETRY_SECONDS * settings->hz;
    /* Not over what a connection that opens under it at this moment writes. */
    if (READ_ONCE(template->controlled))
        __sync_val_compare_and_swap(&template->seen, seen, retry);
    else
        end_template(template, word);
}

static __always_inline void visit(struct sweep* sweep, __u32 cell) {
    struct shoal_connection* connection = get_connection(cell);
    if (!connection) return;
    __u32 word = READ_ONCE(connection->word);
    __u32 state = word & SHOAL_WORD_STATE_MASK;
    if (state == SHOAL_STATE_ADDRESSES) ++sweep->counting;
    if (state == SHOAL_STATE_ADDRESSES || state == SHOAL_STATE_FREE) return;
    if (!connection->protocol) return; /* never used */
    if (is_counted(word) && has_expired(connection, word, sweep->settings, sweep->now) &&
        end_connection(connection, word)) {
        ++sweep->sweeper->expired;
        word = READ_ONCE(connection->word);
    }
    if ((word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_TEMPLATE) {
        visit_template(connection, word, sweep->now);
        word = READ_ONCE(connection->word);
    }
    /* A template's cell is named by the connections under it. */
    if ((word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_DEAD && !READ_ONCE(connection->controlled))
        free_cell(connection, cell, sweep->ring);
    else
        ++sweep->counting;
}

static long visit_cells(__u32 call, struct sweep* sweep) {
    for (__u32 i = 0; i < CELLS_PER_CALL; ++i) {
        __u32 cell = sweep->first + call * CELLS_PER_CALL + i;
        if (cell > shoal_cell_mask) return 1;
        visit(sweep, cell);
    }
    return 0;
}

static __always_inline void end_round(struct shoal_sweeper* sweeper) {
    sweeper->used = sweeper->counting;
    sweeper->counting = 0;
    sweeper->position = 0;
}

/* Sweeps `calls` times CELLS_PER_CALL cells from the sweeper's position on. */
static __noinline void sweep_slice(struct shoal_sweeper* sweeper, __u32 calls) {
    __u32 zero = 0;
    struct sweep sweep = {.sweeper = sweeper, .now = bpf_jiffies64()};
    sweep.ring = bpf_map_lookup_elem(&free_ring, &zero);
    sweep.settings = get_settings();
    if (!sweep.ring || !sweep.settings) return;
    sweep.counting = sweeper->counting;
    sweep.first = sweeper->position;
    publish_rested(sweep.ring);
    bpf_loop(calls, visit_cells, &sweep, 0);
    sweeper->counting = sweep.counting;
    sweeper->position += calls * CELLS_PER_CALL;
    if (sweeper->position > shoal_cell_mask) end_round(sweeper);
    sweep.ring->resting = READ_ONCE(sweep.ring->written);
}

static __always_inline bool take_turn(struct shoal_sweeper* sweeper) {
    return __sync_val_compare_and_swap(&sweeper->busy, 0, 1) == 0;
}

static __always_inline void end_turn(struct shoal_sweeper* sweeper) {
    __sync_lock_test_and_set(&sweeper->busy, 0);
}

static __always_inline struct shoal_sweeper* get_sweeper(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&sweeper, &zero);
}

static int tick(void* map, __u32* key, struct shoal_sweep_timer* timer) {
    (void)map;
    (void)key;
    struct shoal_sweeper* sweeper = get_sweeper();
    if (sweeper && take_turn(sweeper)) {
        const __u32 per_tick = SHOAL_SWEEP_TICKS * CELLS_PER_CALL;
        sweep_slice(sweeper, shoal_cell_mask / per_tick + 1);
        ++sweeper->ticks;
        sweeper->last_tick_ns = bpf_ktime_get_ns();
        sweeper->last_tick_jiffies = bpf_jiffies64();
        end_turn(sweeper);
    }
    bpf_timer_start(&timer->timer, SHOAL_SWEEP_TICK_NS, 0);
    return 0;
}

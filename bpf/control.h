/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Programs that shoald runs by BPF_PROG_TEST_RUN; they see no packets. Each returns 0 or says what
 * failed. */

#include "schedule.h"
#include "sweep.h"

#define CLOCK_MONOTONIC 1
#define EBUSY 16

/* Starts the timer, or gives a running one this object's tick: then it is initialised already. */
SEC("tc")
int start_sweeper(struct __sk_buff* context) {
    (void)context;
    __u32 zero = 0;
    struct shoal_sweep_timer* value = bpf_map_lookup_elem(&sweep_timer, &zero);
    if (!value) return 1;
    long result = bpf_timer_init(&value->timer, &sweep_timer, CLOCK_MONOTONIC);
    if (result && result != -EBUSY) return 2;
    if (bpf_timer_set_callback(&value->timer, tick)) return 3;
    return bpf_timer_start(&value->timer, 0, 0) ? 4 : 0;
}

/* A whole round at once. Cells freed by it rest until the next one, or the next tick. Returns 1
 * where another sweep is under way. */
SEC("tc")
int sweep_now(struct __sk_buff* context) {
    (void)context;
    struct shoal_sweeper* sweeper = get_sweeper();
    if (!sweeper || !take_turn(sweeper)) return 1;
    sweeper->position = 0;
    sweeper->counting = 0;
    sweep_slice(sweeper, shoal_cell_mask / CELLS_PER_CALL + 1);
    end_turn(sweeper);
    return 0;
}

/* To run after each change of a service's pool; the service's index is the context's mark. */
SEC("tc")
int refresh_pool(struct __sk_buff* context) {
    refresh_members(context->mark);
    return 0;
}

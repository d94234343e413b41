/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The counts of real servers, and what follows from a change: thresholds and scores. */

#include "tree.h"

/* Each loss means that another CPU changed the load meanwhile, and it will look itself. */
#define THRESHOLD_ATTEMPTS 1024

struct threshold {
    struct shoal_server_load* load;
    bool changed;
};

/* 1 once the flag is as the counts ask for. */
static __noinline long check_threshold(__u32 attempt, struct threshold* threshold) {
    (void)attempt;
    struct shoal_server_load* load = threshold->load;
    __u64 now = READ_ONCE(load->load);
    __u64 next = shoal_with_threshold(now, load->upper, load->lower);
    if (next == now) return 1;
    if (__sync_val_compare_and_swap(&load->load, now, next) != now) return 0;
    threshold->changed = true;
    return 1;
}

/* True if the server became overloaded, or ceased to be. */
static __always_inline bool check_thresholds(struct shoal_server_load* load) {
    struct threshold threshold = {.load = load};
    if (!check_threshold(0, &threshold))
        bpf_loop(THRESHOLD_ATTEMPTS, check_threshold, &threshold, 0);
    return threshold.changed;
}

/* False where an active connection becomes inactive, or the other way round. */
static __always_inline bool changes_total(__u64 difference) {
    const __u64 class_change = SHOAL_LOAD_ACTIVE_ONE - SHOAL_LOAD_INACTIVE_ONE;
    return difference != class_change && difference != -class_change;
}

/* Adds a difference of SHOAL_LOAD_*_ONE. `epoch` is the service's load_epoch as the connection was
 * opened. */
SLOW_PATH int change_load(__u32 service, __u32 server, __u32 epoch, __u64 difference) {
    struct shoal_server_load* load = get_load(server);
    const struct shoal_service* record = bpf_map_lookup_elem(&service_table, &service);
    if (!load || !record) return 0;
    __u64 before = __sync_fetch_and_add(&load->load, difference);
    if (READ_ONCE(record->load_epoch) != epoch) __sync_fetch_and_add(&load->baseline, difference);
    bool watched = changes_total(difference) && (load->upper || before & SHOAL_LOAD_OVERLOADED);
    rescore(service, server, load, watched && check_thresholds(load));
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Look-ups in the plain arrays, one line each where they are used. */

#include "maps.h"

/* Number of cells and of buckets less one, both powers of two. Set by shoald before loading, so
 * that they are constants to the verifier; they agree with the sizes of the maps. */
const volatile __u32 shoal_cell_mask = 4095;
const volatile __u32 shoal_bucket_mask = 1023;

/* Of an array's only value. A key that takes none of the packet path's stack, which is at its
 * limit, and no time to be written there. */
static const __u32 first_key;

static __always_inline struct shoal_settings* get_settings(void) {
    return bpf_map_lookup_elem(&settings, &first_key);
}

/* See shoal_settings. */
static __always_inline bool is_draining(void) {
    const struct shoal_settings* settings = get_settings();
    return settings && READ_ONCE(settings->draining);
}

static __always_inline struct shoal_connection* get_connection(__u32 cell) {
    return bpf_map_lookup_elem(&connections, &cell);
}

static __always_inline struct shoal_bucket* get_bucket(__u32 index) {
    return bpf_map_lookup_elem(&flow_index, &index);
}

static __always_inline struct shoal_server* get_server(__u32 index) {
    return bpf_map_lookup_elem(&server_table, &index);
}

/* Removed, and its connections with it. */
static __always_inline bool server_is_gone(const struct shoal_server* server) {
    return !(READ_ONCE(server->flags) & (SHOAL_SERVER_AVAILABLE | SHOAL_SERVER_KEPT));
}

static __always_inline struct shoal_service* get_service(__u32 index) {
    return bpf_map_lookup_elem(&service_table, &index);
}

static __always_inline struct shoal_server_detail* get_server_detail(__u32 index) {
    return bpf_map_lookup_elem(&server_details, &index);
}

static __always_inline struct shoal_server_load* get_load(__u32 server) {
    return bpf_map_lookup_elem(&server_loads, &server);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What `shoal trace` notes of the packet under way; see trace.h. */

#include "tables.h"

static __always_inline struct shoal_trace_state* get_trace_state(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&trace_state, &zero);
}

/* Of a packet that does not tell by itself what it belongs to: no ports of its connection stand in
 * it. On the rare ways only, and so whether somebody traces or not. */
static __always_inline void note_owner(__u32 service, __u32 server) {
    struct shoal_trace_state* state = get_trace_state();
    if (!state) return;
    state->owner.service = service;
    state->owner.server = server;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The real servers of a virtual server in list order. */

#include "tables.h"

#define NO_SERVER (-1)

/* Index below SHOAL_MAX_POOL. Masked behind the compiler's back, so that the verifier sees the
 * bound whatever the compiler makes of the caller's loop. */
static __always_inline const struct shoal_pool_member* get_member(const struct shoal_pool* pool,
                                                                  __u32 index) {
    index &= SHOAL_MAX_POOL - 1;
    asm volatile("" : "+r"(index));
    return &pool->member[index];
}
SHOAL_ASSERT((SHOAL_MAX_POOL & (SHOAL_MAX_POOL - 1)) == 0, "used as a mask");

static __always_inline struct shoal_pool* get_pool(__u32 service) {
    __u32 zero = 0;
    void* inner = bpf_map_lookup_elem(&pools, &service);
    return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

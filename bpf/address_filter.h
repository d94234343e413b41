/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which addresses may be virtual or real servers' ones: a bit each, and two may share one. */

#include "family.h"
#include "maps.h"

static __always_inline bool in_filter(const __u64* bits, ip_address address) {
    __u32 index = (__u32)(fold_address(address) * 0x9E3779B1U) >> 16;
    return bits[index >> 6] >> (index & 63) & 1;
}

static __always_inline bool may_be_virtual(ip_address address) {
    __u32 zero = 0;
    const struct shoal_address_filter* filter = bpf_map_lookup_elem(&address_filter, &zero);
    return filter && in_filter(filter->virtual_bits, address);
}

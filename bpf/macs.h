/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "bpf_base.h"

/* The destination's and then the source's, as a frame has them. */
static __always_inline void copy_macs(void* to, const void* from) {
    typedef __u32 __attribute__((may_alias)) word;
    word* target = to;
    const word* source = from;
    target[0] = source[0];
    target[1] = source[1];
    target[2] = source[2];
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Incremental internet checksums (RFC 1624, equation 3). Sums are of words in memory order, so the
 * byte order of the machine does not matter. */

#include "bpf_base.h"

/* Folds any sum of 16-bit words that fits. */
static __always_inline __u32 fold(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* What a new value adds to a sum, as a sum of four words. */
static __always_inline __u32 word_difference(__be32 old, __be32 new) {
    __u32 without = ~old;
    return (without & 0xffff) + (without >> 16) + (new & 0xffff) + (new >> 16);
}

/* As a sum of eight words. */
static __always_inline __u32 half_difference(__u64 old, __u64 new) {
    return word_difference(old, new) + word_difference(old >> 32, new >> 32);
}

static __always_inline __u32 port_difference(__be16 old, __be16 new) {
    return (__u16)~old + (__u32) new;
}

static __always_inline __u16 adjust_checksum(__u16 checksum, __u32 difference) {
    return ~fold((__u16)~checksum + difference);
}

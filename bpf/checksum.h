/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Incremental internet checksums (RFC 1624, equation 3). Sums are of words in memory order, so the
 * byte order of the machine does not matter. */

#include <linux/ip.h>

#include "bpf_base.h"

/* One address and one port of a packet get new values. */
struct translation {
    __be32 old_address;
    __be32 new_address;
    __be16 old_port;
    __be16 new_port;
};

/* Folds the sum of at most sixteen 16-bit words. */
static __always_inline __u32 fold(__u32 sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* What a new address adds to a sum, as a sum of four words. */
static __always_inline __u32 address_difference(__be32 old, __be32 new) {
    __u32 without = ~old;
    return (without & 0xffff) + (without >> 16) + (new & 0xffff) + (new >> 16);
}

static __always_inline __u32 port_difference(__be16 old, __be16 new) {
    return (__u16)~old + (__u32) new;
}

/* `difference` is a sum of at most twelve words. */
static __always_inline __u16 adjust_checksum(__u16 checksum, __u32 difference) {
    return ~fold((__u16)~checksum + difference);
}

/* Lowers the time to live by one and takes `difference` of other header fields into the header's
 * checksum too. */
static __always_inline void lower_ttl(struct iphdr* ip, __u32 difference) {
    --ip->ttl; /* the high half of a word, so the word grows by the complement of 0x0100 */
    ip->check = adjust_checksum(ip->check, difference + (__u16)~bpf_htons(0x0100));
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which slot of its ring an address has under dh, sh and mh. The same numbers as in IPVS, so that a
 * client stays with its real server when Shoal takes over from it. Addresses and ports are in host
 * byte order. */

#include "sip.h"

/* The kernel's hash_32() to eight bits: dh of the virtual address, sh of the client's, plus its
 * port where that counts. */
SHOAL_INLINE __u32 shoal_hash_slot(__u32 address_and_port) {
    return (__u32)(address_and_port * 0x61C88647U) >> 24;
}

/* The kernel's hsiphash() of four bytes on a 64-bit machine, where it is SipHash-1-3. */
SHOAL_INLINE __u32 shoal_mh_hash(__u64 key, __u32 offset_port_and_address) {
    struct shoal_sip s = shoal_sip_begin(key, key);
    shoal_sip_word(&s, 4ULL << 56 | offset_port_and_address);
    return (__u32)shoal_sip_end(&s);
}

#define SHOAL_MH_FIRST_KEY 2654435761ULL  /* both halves: slots and offsets */
#define SHOAL_MH_SECOND_KEY 2654446892ULL /* both halves: a real server's stride */

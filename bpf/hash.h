/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* SipHash-1-3 of one 64-bit word. Keyed, because whoever could choose tuples that share a bucket
 * could fill the overflow map. */

#include "bpf_base.h"
#include "sip.h"

static __always_inline __u64 siphash_1_3(const __u64 key[2], __u64 word) {
    struct shoal_sip s = shoal_sip_begin(key[0], key[1]);
    shoal_sip_word(&s, word);
    shoal_sip_word(&s, 8ULL << 56);
    return shoal_sip_end(&s);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* SipHash-1-3 of one 64-bit word. Keyed, because whoever could choose tuples that share a bucket
 * could fill the overflow map. */

#include "bpf_base.h"

static __always_inline __u64 rotate_left(__u64 value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

struct sip_state {
    __u64 v0, v1, v2, v3;
};

static __always_inline void sip_round(struct sip_state* s) {
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static __always_inline __u64 siphash_1_3(const __u64 key[2], __u64 word) {
    const __u64 length = 8ULL << 56;
    struct sip_state s = {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
                          key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
    s.v3 ^= word;
    sip_round(&s);
    s.v0 ^= word;
    s.v3 ^= length;
    sip_round(&s);
    s.v0 ^= length;
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

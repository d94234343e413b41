/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The rounds of SipHash, for the packet path and for shoald. */

#include "abi.h"

SHOAL_INLINE __u64 shoal_rotate_left(__u64 value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

struct shoal_sip {
    __u64 v0, v1, v2, v3;
};

SHOAL_INLINE struct shoal_sip shoal_sip_begin(__u64 key0, __u64 key1) {
    struct shoal_sip s = {key0 ^ 0x736f6d6570736575ULL, key1 ^ 0x646f72616e646f6dULL,
                          key0 ^ 0x6c7967656e657261ULL, key1 ^ 0x7465646279746573ULL};
    return s;
}

SHOAL_INLINE void shoal_sip_round(struct shoal_sip* s) {
    s->v0 += s->v1;
    s->v1 = shoal_rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = shoal_rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = shoal_rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = shoal_rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = shoal_rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = shoal_rotate_left(s->v2, 32);
}

/* One word of the message, with a single round: SipHash-1-3. */
SHOAL_INLINE void shoal_sip_word(struct shoal_sip* s, __u64 word) {
    s->v3 ^= word;
    shoal_sip_round(s);
    s->v0 ^= word;
}

SHOAL_INLINE __u64 shoal_sip_end(struct shoal_sip* s) {
    s->v2 ^= 0xff;
    shoal_sip_round(s);
    shoal_sip_round(s);
    shoal_sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

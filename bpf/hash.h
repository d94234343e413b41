/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* SipHash-1-3 of what connections are found by. Keyed, because whoever could choose tuples that
 * share a bucket could fill the overflow map. */

#include "bpf_base.h"
#include "sip.h"

static __always_inline __u64 siphash_1_3(const __u64 key[2], __u64 word) {
    struct shoal_sip s = shoal_sip_begin(key[0], key[1]);
    shoal_sip_word(&s, word);
    shoal_sip_word(&s, 8ULL << 56);
    return shoal_sip_end(&s);
}

static __always_inline __u64 siphash_1_3_of_three(const __u64 key[2], __u64 first, __u64 second,
                                                  __u64 third) {
    struct shoal_sip s = shoal_sip_begin(key[0], key[1]);
    shoal_sip_word(&s, first);
    shoal_sip_word(&s, second);
    shoal_sip_word(&s, third);
    shoal_sip_word(&s, 24ULL << 56);
    return shoal_sip_end(&s);
}

/* ---- What is hashed beside the client's address -----------------------------------------------*/

static __always_inline __u32 port_word(__be16 client_port, __u8 protocol) {
    return (__u32)client_port << 16 | protocol;
}

/* A template's: the service takes the place of the port. */
static __always_inline __u32 template_word(__u32 service) {
    return service << 8 | SHOAL_PROTOCOL_TEMPLATE;
}
SHOAL_ASSERT(SHOAL_MAX_SERVICES <= 1 << 24, "shifted past the protocol");

/* ---- Of each family, whatever the program's ---------------------------------------------------*/

static __always_inline __u64 tuple_v4(__be32 client_address, __u32 word) {
    return (__u64)client_address << 32 | word;
}

static __always_inline __u64 tuple_v6(__u32 word) {
    return 0xffffffffULL << 32 | word;
}

static __always_inline __u64 hash_v4(const __u64 key[2], __be32 client_address, __u32 word) {
    return siphash_1_3(key, tuple_v4(client_address, word));
}

static __always_inline __u64 hash_v6(const __u64 key[2], __u64 first_half, __u64 second_half,
                                     __u32 word) {
    return siphash_1_3_of_three(key, tuple_v6(word), first_half, second_half);
}

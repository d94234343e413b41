/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Connections of either family, as those must take them who walk the table: the sweeper, and
 * whoever reclaims cells. */

#include "hash.h"
#include "tables.h"

static __always_inline bool is_counted(__u32 word) {
    return (word & SHOAL_WORD_STATE_MASK) < SHOAL_STATES;
}

/* Not over: counted, a template, or pending. */
static __always_inline bool is_present(__u32 word) {
    __u32 state = word & SHOAL_WORD_STATE_MASK;
    return state != SHOAL_STATE_FREE && state != SHOAL_STATE_DEAD;
}

static __always_inline bool is_pending(__u32 word) {
    return (word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_PENDING;
}

static __always_inline bool is_ipv6(const struct shoal_connection* connection) {
    return READ_ONCE(connection->word) & SHOAL_WORD_IPV6;
}

static __always_inline struct shoal_addresses* get_addresses(__u32 cell) {
    return bpf_map_lookup_elem(&connections, &cell);
}

static __always_inline void copy_wide(__be32 to[4], const __be32 from[4]) {
    for (int i = 0; i < 4; ++i)
        to[i] = from[i];
}

static __always_inline bool same_wide(const __be32 a[4], const __be32 b[4]) {
    return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

/* The connection's key in the overflow map, as the client's packets name it. `key` is zero. */
static __always_inline void set_key(struct shoal_overflow_key* key,
                                    const struct shoal_connection* connection) {
    key->client_port = connection->client_port;
    key->other_port = connection->virtual_port;
    key->protocol = connection->protocol;
    if (!is_ipv6(connection)) {
        key->client_address[0] = connection->client_address;
        key->other_address[0] = connection->virtual_address;
        return;
    }
    const struct shoal_addresses* addresses = get_addresses(connection->address_cell);
    if (!addresses) return;
    copy_wide(key->client_address, addresses->client_address);
    copy_wide(key->other_address, addresses->virtual_address);
}

/* The real server's address; `wide` is zero, or another address of the same family. */
static __always_inline void set_real_address(__be32 wide[4],
                                             const struct shoal_connection* connection) {
    if (!is_ipv6(connection)) {
        wide[0] = connection->real_address;
        return;
    }
    const struct shoal_addresses* addresses = get_addresses(connection->address_cell);
    if (addresses) copy_wide(wide, addresses->real_address);
}

/* `key` is the connection's, as the client's packets name it. */
static __always_inline __u64 record_hash(const struct shoal_settings* settings, bool ipv6,
                                         const struct shoal_overflow_key* key) {
    __u32 word = key->protocol == SHOAL_PROTOCOL_TEMPLATE
                     ? template_word(key->other_address[0])
                     : port_word(key->client_port, key->protocol);
    const __be32* client = key->client_address;
    if (!ipv6) return hash_v4(settings->hash_key, client[0], word);
    return hash_v6(settings->hash_key, client[0] | (__u64)client[1] << 32,
                   client[2] | (__u64)client[3] << 32, word);
}

/* Whether a real server's packets of the two look the same. */
static __always_inline bool have_same_replies(const struct shoal_connection* a,
                                              const struct shoal_connection* b) {
    if (a->client_port != b->client_port || a->protocol != b->protocol ||
        a->real_port != b->real_port || is_ipv6(a) != is_ipv6(b))
        return false;
    if (!is_ipv6(a))
        return a->client_address == b->client_address && a->real_address == b->real_address;
    const struct shoal_addresses* of_a = get_addresses(a->address_cell);
    const struct shoal_addresses* of_b = get_addresses(b->address_cell);
    return of_a && of_b && same_wide(of_a->client_address, of_b->client_address) &&
           same_wide(of_a->real_address, of_b->real_address);
}

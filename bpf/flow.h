/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Finding a connection. Both directions hash the client's side of it. */

#include <linux/in.h>

#include "hash.h"
#include "tables.h"

struct flow {
    __u64 hash;
    __be32 client_address;
    __be32 other_address; /* the virtual server, or in a reply the real server */
    __be16 client_port;
    __be16 other_port;
    __u8 protocol;
    bool reply;
    __u16 zero; /* no holes */
};

static __always_inline __u64 hashed_word(__be32 client_address, __be16 client_port, __u8 protocol) {
    return (__u64)client_address << 32 | (__u32)client_port << 16 | protocol;
}

static __always_inline __u64 flow_hash(const struct shoal_settings* settings, __be32 client_address,
                                       __be16 client_port, __u8 protocol) {
    return siphash_1_3(settings->hash_key, hashed_word(client_address, client_port, protocol));
}

/* A template's: the service takes the place of the port. */
static __always_inline __u64 template_hash(const struct shoal_settings* settings,
                                           __be32 client_address, __u32 service) {
    return siphash_1_3(settings->hash_key,
                       (__u64)client_address << 32 | service << 8 | SHOAL_PROTOCOL_TEMPLATE);
}
SHOAL_ASSERT(SHOAL_MAX_SERVICES <= 1 << 24, "shifted past the protocol");

static __noinline __u64 hash_anew(const struct shoal_settings* settings, __u64 tuple,
                                  struct shoal_recent_flow* recent) {
    __u64 hash = siphash_1_3(settings->hash_key, tuple);
    if (recent) {
        recent->tuple = tuple;
        recent->hash = hash;
    }
    return hash;
}

/* flow_hash for packets: a CPU's last one was often of the same flow. The hashing is a function of
 * its own, because here it would cost the whole packet path stack. */
static __always_inline __u64 packet_hash(const struct shoal_settings* settings,
                                         __be32 client_address, __be16 client_port, __u8 protocol) {
    __u32 zero = 0;
    __u64 tuple = hashed_word(client_address, client_port, protocol);
    struct shoal_recent_flow* recent = bpf_map_lookup_elem(&recent_flow, &zero);
    if (recent && recent->tuple == tuple) return recent->hash;
    return hash_anew(settings, tuple, recent);
}

/* A bucket's number takes at most 22 bits (SHOAL_MAX_CELLS / 4). */
static __always_inline __u32 first_bucket(__u64 hash) {
    return hash & shoal_bucket_mask;
}

static __always_inline __u32 alternate_bucket(__u64 hash) {
    return (hash ^ (hash >> 22 | 1)) & shoal_bucket_mask;
}

static __always_inline __u64 signature(__u64 hash) {
    return hash & SHOAL_SLOT_SIGNATURE_MASK;
}

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

static __always_inline bool is_of_flow(const struct shoal_connection* connection,
                                       const struct flow* flow) {
    if (connection->client_address != flow->client_address ||
        connection->client_port != flow->client_port || connection->protocol != flow->protocol)
        return false;
    if (flow->reply) {
        if (connection->real_address != flow->other_address ||
            connection->real_port != flow->other_port || connection->method != SHOAL_METHOD_NAT)
            return false;
    } else if (connection->virtual_address != flow->other_address ||
               connection->virtual_port != flow->other_port) {
        return false;
    }
    return is_present(READ_ONCE(connection->word));
}

/* Returns the cell, or 0. An empty slot of signature 0 leads to cell 0, which belongs to no flow.
 */
static __always_inline __u32 find_in_bucket(const struct shoal_bucket* bucket,
                                            const struct flow* flow,
                                            struct shoal_connection** found) {
#pragma unroll
    for (int i = 0; i < SHOAL_BUCKET_SLOTS; ++i) {
        __u64 slot = READ_ONCE(bucket->slot[i]);
        if ((slot ^ flow->hash) & SHOAL_SLOT_SIGNATURE_MASK) continue;
        struct shoal_connection* connection = get_connection(slot & SHOAL_SLOT_CELL_MASK);
        if (!connection || !is_of_flow(connection, flow)) continue;
        *found = connection;
        return slot & SHOAL_SLOT_CELL_MASK;
    }
    return 0;
}

static __always_inline struct shoal_overflow_key overflow_key(const struct flow* flow) {
    struct shoal_overflow_key key = {.client_address = {flow->client_address},
                                     .other_address = {flow->other_address},
                                     .client_port = flow->client_port,
                                     .other_port = flow->other_port,
                                     .protocol = flow->protocol,
                                     .reply = flow->reply};
    return key;
}

/* Whether connections of this first bucket are in their alternate one. */
static __always_inline bool uses_alternate(const struct shoal_bucket* first) {
    return READ_ONCE(first->slot[SHOAL_ALTERNATE_COUNT_SLOT]) & SHOAL_SLOT_COUNT_MASK;
}

static __always_inline bool has_overflowed(const struct shoal_bucket* first) {
    return READ_ONCE(first->slot[SHOAL_OVERFLOW_COUNT_SLOT]) & SHOAL_SLOT_COUNT_MASK;
}

/* The cell in the overflow map, or 0. */
SLOW_PATH __u32 find_overflowed(const struct flow* flow) {
    if (!flow) return 0;
    struct shoal_overflow_key key = overflow_key(flow);
    const __u32* cell = bpf_map_lookup_elem(&overflow, &key);
    return cell ? *cell : 0;
}

/* All but the first bucket; the cell or 0. */
SLOW_PATH __u32 find_elsewhere(const struct flow* flow, bool overflowed) {
    if (!flow) return 0;
    struct shoal_bucket* bucket = get_bucket(alternate_bucket(flow->hash));
    if (!bucket) return 0;
    struct shoal_connection* connection = NULL;
    __u32 cell = find_in_bucket(bucket, flow, &connection);
    if (cell || !overflowed) return cell;
    cell = find_overflowed(flow);
    connection = get_connection(cell);
    return connection && is_of_flow(connection, flow) ? cell : 0;
}

/* Connections go to the overflow map only past a full alternate bucket, but may outlive what
 * filled it. */
static __always_inline bool stands_alone(const struct shoal_bucket* first) {
    return !uses_alternate(first) && !has_overflowed(first);
}

static __always_inline struct shoal_connection* find_connection(const struct flow* flow) {
    struct shoal_bucket* bucket = get_bucket(first_bucket(flow->hash));
    if (!bucket) return NULL;
    struct shoal_connection* connection = NULL;
    if (find_in_bucket(bucket, flow, &connection)) return connection;
    if (stands_alone(bucket)) return NULL;
    __u32 cell = find_elsewhere(flow, has_overflowed(bucket));
    return cell ? get_connection(cell) : NULL;
}

/* For the rare second look. */
SLOW_PATH __u32 find_again(const struct flow* flow) {
    if (!flow) return 0;
    struct shoal_bucket* bucket = get_bucket(first_bucket(flow->hash));
    struct shoal_connection* connection = NULL;
    if (!bucket) return 0;
    __u32 cell = find_in_bucket(bucket, flow, &connection);
    if (cell || stands_alone(bucket)) return cell;
    return find_elsewhere(flow, has_overflowed(bucket));
}

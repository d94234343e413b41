/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Finding a connection. Both directions hash the client's side of it. */

#include <linux/in.h>

#include "family.h"
#include "record.h"

struct flow {
    __u64 hash;
    ip_address client_address;
    ip_address other_address; /* the virtual server, or in a reply the real server */
    __be16 client_port;
    __be16 other_port;
    __u8 protocol;
    bool reply;
    __u16 zero; /* no holes */
};

#if defined(FAMILY_6)
#include "flow_v6.h"
#else
#include "flow_v4.h"
#endif

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
    struct shoal_overflow_key key = {.client_port = flow->client_port,
                                     .other_port = flow->other_port,
                                     .protocol = flow->protocol,
                                     .reply = flow->reply};
    widen(key.client_address, flow->client_address);
    widen(key.other_address, flow->other_address);
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

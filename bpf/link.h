/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Putting a cell into the flow index. Places are numbered in the order in
 * which rivals give way: the first bucket's slots, the alternate's, the overflow map. */

#include "flow.h"

#define PLACE_OVERFLOW (2 * SHOAL_BUCKET_SLOTS)
#define NO_PLACE (-1)

/* Connections that one bucket can count in the overflow map; some room is left for CPUs that count
 * before they look. */
#define OVERFLOW_LIMIT (0xff00 * SHOAL_SLOT_OVERFLOW_ONE)

static __always_inline __u32 bucket_of_place(__u64 hash, __u32 place) {
    return place < SHOAL_BUCKET_SLOTS ? first_bucket(hash) : alternate_bucket(hash);
}

/* The slot of a place below PLACE_OVERFLOW. */
static __always_inline __u64* get_slot(__u64 hash, __u32 place) {
    struct shoal_bucket* bucket = get_bucket(bucket_of_place(hash, place));
    return bucket ? &bucket->slot[place & (SHOAL_BUCKET_SLOTS - 1)] : NULL;
}

static __always_inline __u64* get_overflow_count(__u64 hash) {
    return get_slot(hash, SHOAL_BUCKET_SLOTS - 1);
}

static __always_inline void count_overflow_down(__u64 hash) {
    __u64* count = get_overflow_count(hash);
    if (count) __sync_fetch_and_sub(count, SHOAL_SLOT_OVERFLOW_ONE);
}

static __always_inline struct flow reply_flow(const struct flow* flow,
                                              const struct shoal_connection* connection) {
    struct flow reply = *flow;
    reply.other_address = connection->real_address;
    reply.other_port = connection->real_port;
    reply.reply = true;
    return reply;
}

/* Two NAT connections of one client port that differ in the virtual server alone look the same in
 * replies: the older one gets them, as in IPVS. */
static __always_inline bool overflow_reply(const struct flow* reply, __u32 cell) {
    struct shoal_overflow_key key = overflow_key(reply);
    if (!bpf_map_update_elem(&overflow, &key, &cell, BPF_NOEXIST)) return true;
    const __u32* other = bpf_map_lookup_elem(&overflow, &key);
    if (!other) return false;
    const struct shoal_connection* connection = get_connection(*other);
    return connection && is_of_flow(connection, reply);
}

SLOW_PATH int link_overflow(const struct flow* flow, __u32 cell) {
    if (!flow) return NO_PLACE;
    const struct shoal_connection* connection = get_connection(cell);
    if (!connection) return NO_PLACE;

    struct shoal_overflow_key key = overflow_key(flow);
    __u64* count = get_overflow_count(flow->hash);
    if (!count) return NO_PLACE;
    __u64 before = __sync_fetch_and_add(count, SHOAL_SLOT_OVERFLOW_ONE);
    if ((before & SHOAL_SLOT_OVERFLOW_MASK) >= OVERFLOW_LIMIT) goto undo_count;
    if (bpf_map_update_elem(&overflow, &key, &cell, BPF_NOEXIST)) goto undo_count;
    if (connection->method == SHOAL_METHOD_NAT) {
        struct flow reply = reply_flow(flow, connection);
        if (!overflow_reply(&reply, cell)) goto undo_entry;
    }
    return PLACE_OVERFLOW;
undo_entry:
    bpf_map_delete_elem(&overflow, &key);
undo_count:
    count_overflow_down(flow->hash);
    return NO_PLACE;
}

/* Makes the cell findable. Returns its place, or NO_PLACE and nothing is changed. */
SLOW_PATH int link_cell(const struct flow* flow, __u32 cell) {
    if (!flow) return NO_PLACE;

    __u64 entry = signature(flow->hash) | cell;
    for (__u32 place = 0; place < PLACE_OVERFLOW; ++place) {
        __u64* slot = get_slot(flow->hash, place);
        if (!slot) return NO_PLACE;
        __u64 old = READ_ONCE(*slot);
        if (old & SHOAL_SLOT_CELL_MASK) continue;
        /* The last slot may count overflowed connections while it is empty. */
        __u64 new = (old & SHOAL_SLOT_OVERFLOW_MASK) | entry;
        if (__sync_val_compare_and_swap(slot, old, new) == old) return place;
    }
    return link_overflow(flow, cell);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Putting a cell into the flow index. Places are numbered in the order in
 * which rivals give way: the first bucket's slots, the alternate's, the overflow map. */

#include "flow.h"

#define PLACE_OVERFLOW (2 * SHOAL_BUCKET_SLOTS)
#define NO_PLACE (-1)

/* Connections that one bucket can count elsewhere; some room is left for CPUs that count before
 * they look. */
#define COUNT_LIMIT (0xff00 * SHOAL_SLOT_COUNT_ONE)

/* `slot` is that of the count. Counted up before the connection can be found there, down after. */
static __always_inline __u64* get_count(__u64 hash, __u32 slot) {
    struct shoal_bucket* first = get_bucket(first_bucket(hash));
    return first ? &first->slot[slot] : NULL;
}

static __always_inline void count_down(__u64 hash, __u32 slot) {
    __u64* count = get_count(hash, slot);
    if (count) __sync_fetch_and_sub(count, SHOAL_SLOT_COUNT_ONE);
}

static __always_inline bool count_up(__u64 hash, __u32 slot) {
    __u64* count = get_count(hash, slot);
    if (!count) return false;
    __u64 before = __sync_fetch_and_add(count, SHOAL_SLOT_COUNT_ONE);
    if ((before & SHOAL_SLOT_COUNT_MASK) < COUNT_LIMIT) return true;
    __sync_fetch_and_sub(count, SHOAL_SLOT_COUNT_ONE);
    return false;
}

/* Whether packets of a real server are looked up in the cell. */
static __always_inline bool has_replies(const struct shoal_connection* connection) {
    return connection->method == SHOAL_METHOD_NAT &&
           connection->protocol != SHOAL_PROTOCOL_TEMPLATE;
}

/* Makes a connection's key the one of its replies. */
static __always_inline void turn_key(struct shoal_overflow_key* key,
                                     const struct shoal_connection* connection) {
    set_real_address(key->other_address, connection);
    key->other_port = connection->real_port;
    key->reply = 1;
}

/* Two NAT connections of one client port that differ in the virtual server alone look the same in
 * replies: the older one gets them, as in IPVS. */
static __always_inline bool overflow_reply(const struct shoal_overflow_key* key,
                                           const struct shoal_connection* connection, __u32 cell) {
    if (!bpf_map_update_elem(&overflow, key, &cell, BPF_NOEXIST)) return true;
    const __u32* other_cell = bpf_map_lookup_elem(&overflow, key);
    if (!other_cell) return false;
    const struct shoal_connection* other = get_connection(*other_cell);
    return other && have_same_replies(connection, other) && is_present(READ_ONCE(other->word));
}

SLOW_PATH int link_overflow(const struct flow* flow, __u32 cell) {
    if (!flow) return NO_PLACE;
    const struct shoal_connection* connection = get_connection(cell);
    if (!connection) return NO_PLACE;

    struct shoal_overflow_key key = overflow_key(flow);
    if (!count_up(flow->hash, SHOAL_OVERFLOW_COUNT_SLOT)) return NO_PLACE;
    if (bpf_map_update_elem(&overflow, &key, &cell, BPF_NOEXIST)) goto undo_count;
    if (has_replies(connection)) {
        turn_key(&key, connection);
        if (!overflow_reply(&key, connection, cell)) goto undo_entry;
    }
    return PLACE_OVERFLOW;
undo_entry:
    key = overflow_key(flow);
    bpf_map_delete_elem(&overflow, &key);
undo_count:
    count_down(flow->hash, SHOAL_OVERFLOW_COUNT_SLOT);
    return NO_PLACE;
}

/* Puts the entry into the bucket's first empty slot and returns the slot's number, or NO_PLACE. */
static __always_inline int take_slot(struct shoal_bucket* bucket, __u64 entry) {
    for (int i = 0; i < SHOAL_BUCKET_SLOTS; ++i) {
        __u64 old = READ_ONCE(bucket->slot[i]);
        if (old & SHOAL_SLOT_CELL_MASK) continue;
        /* An empty slot may hold a count. */
        __u64 new = (old & SHOAL_SLOT_COUNT_MASK) | entry;
        if (__sync_val_compare_and_swap(&bucket->slot[i], old, new) == old) return i;
    }
    return NO_PLACE;
}

SLOW_PATH int link_elsewhere(const struct flow* flow, __u32 cell) {
    if (!flow) return NO_PLACE;
    struct shoal_bucket* alternate = get_bucket(alternate_bucket(flow->hash));
    if (!alternate) return NO_PLACE;
    if (count_up(flow->hash, SHOAL_ALTERNATE_COUNT_SLOT)) {
        int slot = take_slot(alternate, signature(flow->hash) | cell);
        if (slot != NO_PLACE) return SHOAL_BUCKET_SLOTS + slot;
        count_down(flow->hash, SHOAL_ALTERNATE_COUNT_SLOT);
    }
    return link_overflow(flow, cell);
}

/* Makes the cell findable. Returns its place, or NO_PLACE and nothing is changed. */
static __always_inline int link_cell(const struct flow* flow, __u32 cell) {
    struct shoal_bucket* first = get_bucket(first_bucket(flow->hash));
    if (!first) return NO_PLACE;
    int slot = take_slot(first, signature(flow->hash) | cell);
    return slot != NO_PLACE ? slot : link_elsewhere(flow, cell);
}

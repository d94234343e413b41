/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Changes of a connection's state word, and with them the real servers' counts. */

#include "flow.h"
#include "packet.h"

/* Attempts of a compare-and-swap. Each loss means that another CPU changed this very connection in
 * the same nanoseconds; giving up leaves the state of an interleaving that could have happened. */
#define STATE_ATTEMPTS 4

static __always_inline __u64 load_of(__u32 word) {
    return word & SHOAL_WORD_INACTIVE ? SHOAL_LOAD_INACTIVE_ONE : SHOAL_LOAD_ACTIVE_ONE;
}

static __always_inline void add_load(__u32 server, __u64 difference) {
    __u64* load = get_load(server);
    if (load) __sync_fetch_and_add(load, difference);
}

static __always_inline __u32 with_state(__u32 word, __u32 state) {
    __u32 inactive = tcp_active(state) ? 0 : SHOAL_WORD_INACTIVE;
    return (word & ~(SHOAL_WORD_STATE_MASK | SHOAL_WORD_INACTIVE)) | state | inactive;
}

static __always_inline __u32 after_segment(const struct shoal_connection* connection, __u32 word,
                                           __u8 flags, bool reply) {
    enum tcp_direction direction = TCP_IN;
    if (reply) {
        direction = TCP_OUT;
        word |= SHOAL_WORD_REPLY_SEEN;
    } else if (connection->method != SHOAL_METHOD_NAT && !(word & SHOAL_WORD_REPLY_SEEN)) {
        direction = TCP_INPUT_ONLY;
    }
    return with_state(word, tcp_next(direction, flags, word & SHOAL_WORD_STATE_MASK));
}

/* Most packets by far: data and acknowledgements of an established connection, which leave
 * everything as it is. */
static __always_inline bool is_steady(__u32 word, __u8 flags, bool reply) {
    const __u32 awaited = reply ? SHOAL_WORD_REPLY_SEEN : 0;
    return (word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_ESTABLISHED &&
           (word & awaited) == awaited &&
           (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

/* Takes a packet of the connection into account: its state and when it was last seen. */
static __always_inline void update_connection(struct shoal_connection* connection,
                                              const struct packet* packet, bool reply, __u32 now,
                                              __u32 hz) {
    if (now - READ_ONCE(connection->seen) > hz / 4) WRITE_ONCE(connection->seen, now);
    __u32 word = READ_ONCE(connection->word);
    if (is_steady(word, packet->tcp_flags, reply)) return;
    for (int attempt = 0; attempt < STATE_ATTEMPTS; ++attempt) {
        if (!is_counted(word)) return;
        __u32 next;
        if (connection->protocol == IPPROTO_TCP)
            next = after_segment(connection, word, packet->tcp_flags, reply);
        else
            next = reply ? word | SHOAL_WORD_REPLY_SEEN : word;
        if (next == word) return;
        __u32 found = __sync_val_compare_and_swap(&connection->word, word, next);
        if (found == word) {
            if ((word ^ next) & SHOAL_WORD_INACTIVE)
                add_load(connection->server, load_of(next) - load_of(word));
            return;
        }
        word = found;
    }
}

/* True for the one caller who ended it; its cell is then the sweeper's. */
static __always_inline bool end_connection(struct shoal_connection* connection, __u32 word) {
    __u32 dead = (word & ~(SHOAL_WORD_STATE_MASK)) | SHOAL_STATE_DEAD;
    if (!is_counted(word)) return false;
    if (__sync_val_compare_and_swap(&connection->word, word, dead) != word) return false;
    add_load(connection->server, -load_of(word));
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Changes of a connection's state word, and with them the real servers' counts. */

#include "flow.h"
#include "load.h"
#include "packet.h"
#include "signals.h"

/* Attempts of a compare-and-swap. Each loss means that another CPU changed this very connection in
 * the same nanoseconds; giving up leaves the state of an interleaving that could have happened. */
#define STATE_ATTEMPTS 4

static __always_inline __u64 load_of(__u32 word) {
    return word & SHOAL_WORD_INACTIVE ? SHOAL_LOAD_INACTIVE_ONE : SHOAL_LOAD_ACTIVE_ONE;
}

/* Whose load a connection counts in. Read before the change of its word: once another CPU sees the
 * connection ended, its cell may become another one's. */
struct counted {
    __u32 service;
    __u32 server;
    __u32 epoch;
};

static __always_inline struct counted counted_in(const struct shoal_connection* connection) {
    struct counted counted = {READ_ONCE(connection->service), READ_ONCE(connection->server),
                              READ_ONCE(connection->load_epoch)};
    return counted;
}

static __always_inline void change_load_of(const struct counted* counted, __u64 difference) {
    change_load(counted->service, counted->server, counted->epoch, difference);
}

static __always_inline __u32 with_state(__u32 word, __u32 state) {
    __u32 inactive = tcp_active(state) ? 0 : SHOAL_WORD_INACTIVE;
    return (word & ~(SHOAL_WORD_STATE_MASK | SHOAL_WORD_INACTIVE)) | state | inactive;
}

static __always_inline __u32 after_segment(const struct shoal_connection* connection, __u32 word,
                                           __u8 flags, bool reply, __u32 secure) {
    enum tcp_direction direction = TCP_IN;
    if (reply) {
        direction = TCP_OUT;
        word |= SHOAL_WORD_REPLY_SEEN;
    } else if (connection->method != SHOAL_METHOD_NAT && !(word & SHOAL_WORD_REPLY_SEEN)) {
        direction = TCP_INPUT_ONLY;
    }
    return with_state(word, tcp_next(secure, direction, flags, word & SHOAL_WORD_STATE_MASK));
}

/* Most packets by far: data and acknowledgements of an established connection, which leave
 * everything as it is. */
static __always_inline bool is_steady(__u32 word, __u8 flags, bool reply) {
    const __u32 awaited = reply ? SHOAL_WORD_REPLY_SEEN : 0;
    return (word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_ESTABLISHED &&
           (word & awaited) == awaited &&
           (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

/* A template that a client has proved to be there by: a flood's are ended with their connections.
 */
SLOW_PATH int assure_template(__u32 cell, __u32 word) {
    struct shoal_connection* template = get_connection(cell);
    if (template && (word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_ESTABLISHED)
        WRITE_ONCE(template->client_interface, 1);
    return 0;
}

/* Whether a client's packet leaves the connection in its state. */
static __always_inline bool leaves_state(const struct shoal_connection* connection,
                                         const struct packet* packet) {
    __u32 word = READ_ONCE(connection->word);
    if (connection->protocol == IPPROTO_TCP) return is_steady(word, packet->tcp_flags, false);
    return is_counted(word);
}

static __always_inline void touch_connection(struct shoal_connection* connection, __u32 now,
                                             const struct shoal_settings* settings) {
    if (now - READ_ONCE(connection->seen) > settings->hz / 4) WRITE_ONCE(connection->seen, now);
}

/* A TCP connection that the real server has not answered yet. */
static __always_inline bool is_opening(__u32 word) {
    const __u32 opening =
        1U << SHOAL_STATE_SYN_SENT | 1U << SHOAL_STATE_SYN_RECV | 1U << SHOAL_STATE_SYNACK;
    /* States that no packet finds are above 31, and none of them is one of these modulo 32. */
    return opening >> (word & 31) & !(word & SHOAL_WORD_REPLY_SEEN);
}

/* Takes a packet of the connection into account: its state and when it was last seen. */
static __always_inline void update_connection(struct shoal_connection* connection,
                                              const struct packet* packet, bool reply, __u32 now,
                                              const struct shoal_settings* settings) {
    touch_connection(connection, now, settings);
    __u32 word = READ_ONCE(connection->word);
    if (is_steady(word, packet->tcp_flags, reply)) return;
    if (is_opening(word))
        notice_opening(connection->server, connection->service, packet->tcp_flags, reply);
    for (int attempt = 0; attempt < STATE_ATTEMPTS; ++attempt) {
        if (!is_counted(word)) return;
        __u32 next;
        if (connection->protocol == IPPROTO_TCP)
            next = after_segment(connection, word, packet->tcp_flags, reply, settings->secure_tcp);
        else
            next = reply ? word | SHOAL_WORD_REPLY_SEEN : word;
        if (next == word) return;
        struct counted counted = counted_in(connection);
        __u32 found = __sync_val_compare_and_swap(&connection->word, word, next);
        if (found == word) {
            if ((word ^ next) & SHOAL_WORD_INACTIVE)
                change_load_of(&counted, load_of(next) - load_of(word));
            if (connection->template_cell) assure_template(connection->template_cell, next);
            return;
        }
        word = found;
    }
}

static __always_inline void count_template(__u32 server, __u64 difference) {
    __u64* count = bpf_map_lookup_elem(&server_templates, &server);
    if (count) __sync_fetch_and_add(count, difference);
}

/* Its cell goes when the last connection under it does. */
static __always_inline void end_template(struct shoal_connection* template, __u32 word) {
    if ((word & SHOAL_WORD_STATE_MASK) != SHOAL_STATE_TEMPLATE) return;
    __u32 dead = (word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_DEAD;
    __u32 server = READ_ONCE(template->server);
    if (__sync_val_compare_and_swap(&template->word, word, dead) == word)
        count_template(server, -1ULL);
}

/* For the one caller who ended it: what it still counts for in `counted`, to be taken off there. 0
 * for others. Its cell is the sweeper's. */
static __always_inline __u64 bury_connection(struct shoal_connection* connection, __u32 word,
                                             struct counted* counted) {
    __u32 dead = (word & ~(SHOAL_WORD_STATE_MASK)) | SHOAL_STATE_DEAD;
    if (!is_counted(word)) return 0;
    *counted = counted_in(connection);
    if (__sync_val_compare_and_swap(&connection->word, word, dead) != word) return 0;
    return load_of(word);
}

/* True for the one caller who ended it. */
static __always_inline bool end_connection(struct shoal_connection* connection, __u32 word) {
    struct counted counted = {};
    __u64 load = bury_connection(connection, word, &counted);
    if (load) change_load_of(&counted, -load);
    return load;
}

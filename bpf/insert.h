/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A new connection. Two CPUs may open the same one at once (a repeated SYN on another queue, two
 * datagrams): each links its cell as PENDING first and looks for rivals afterwards, so at least one
 * of them sees the other. A counted connection beats a pending one, an earlier place a later one.
 * The loser's packet goes by the winner's record. */

#include "cells.h"
#include "connection_state.h"
#include "count.h"
#include "link.h"

struct opening {
    struct flow flow;
    __u32 service;
    __u32 server;
    __be32 real_address;
    __u32 now; /* jiffies */
    __u32 client_interface;
    __be16 real_port;
    __u16 client_epoch;
    __u8 method;
    __u8 zero[3]; /* no holes */
};

static __always_inline void fill_cell(struct shoal_connection* connection,
                                      const struct opening* opening) {
    __u32 generation = connection->word >> SHOAL_WORD_GENERATION_SHIFT;
    connection->seen = opening->now;
    connection->client_address = opening->flow.client_address;
    connection->virtual_address = opening->flow.other_address;
    connection->real_address = opening->real_address;
    connection->client_port = opening->flow.client_port;
    connection->virtual_port = opening->flow.other_port;
    connection->real_port = opening->real_port;
    connection->protocol = opening->flow.protocol;
    connection->method = opening->method;
    connection->service = opening->service;
    connection->server = opening->server;
    connection->client_interface = opening->client_interface;
    connection->client_epoch = opening->client_epoch;
    WRITE_ONCE(connection->word, generation << SHOAL_WORD_GENERATION_SHIFT | SHOAL_STATE_PENDING);
}

/* True if the rival stays; false once it is out of the way. */
static __always_inline bool yields_to(struct shoal_connection* rival, bool rival_is_before_us) {
    __u32 word = READ_ONCE(rival->word);
    if (!is_pending(word)) return is_counted(word);
    if (rival_is_before_us) return true;
    __u32 dead = (word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_DEAD;
    __u32 found = __sync_val_compare_and_swap(&rival->word, word, dead);
    return found != word && is_counted(found);
}

/* The cell of another connection of this flow that we must give way to, or 0. */
SLOW_PATH __u32 find_winner(const struct flow* flow, __u32 our_cell, int our_place) {
    if (!flow) return 0;

    for (int place = 0; place < PLACE_OVERFLOW; ++place) {
        __u64* slot = get_slot(flow->hash, place);
        if (!slot) return 0;
        __u64 entry = READ_ONCE(*slot);
        __u32 cell = entry & SHOAL_SLOT_CELL_MASK;
        if (cell == our_cell || ((entry ^ flow->hash) & SHOAL_SLOT_SIGNATURE_MASK)) continue;
        struct shoal_connection* rival = get_connection(cell);
        if (rival && is_of_flow(rival, flow) && yields_to(rival, place < our_place)) return cell;
    }
    struct shoal_bucket* first = get_bucket(first_bucket(flow->hash));
    if (our_place == PLACE_OVERFLOW || !first || !has_overflowed(first)) return 0;
    __u32 cell = find_overflowed(flow);
    struct shoal_connection* rival = get_connection(cell);
    if (rival && is_of_flow(rival, flow) && yields_to(rival, false)) return cell;
    return 0;
}

/* Counts the connection; false where a rival ended it first. */
static __always_inline bool commit(struct shoal_connection* connection,
                                   const struct opening* opening) {
    __u32 pending = (connection->word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_PENDING;
    __u32 state = opening->flow.protocol == IPPROTO_TCP ? SHOAL_STATE_SYN_RECV : SHOAL_STATE_UDP;
    __u32 word = with_state(pending, state);
    if (__sync_val_compare_and_swap(&connection->word, pending, word) != pending) return false;
    add_load(opening->server, load_of(word));
    count_connection(opening->service, opening->server);
    return true;
}

static __always_inline void give_way(struct shoal_connection* connection) {
    __u32 pending = (connection->word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_PENDING;
    __u32 dead = (pending & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_DEAD;
    __sync_val_compare_and_swap(&connection->word, pending, dead);
}

/* Opens the connection, or finds the one that was opened meanwhile. Returns its cell; 0: the table
 * is full. */
SLOW_PATH __u32 open_connection(const struct opening* opening) {
    if (!opening) return 0;
    __u32 cell = take_cell();
    struct shoal_connection* connection = get_connection(cell);
    if (!cell || !connection) return 0;
    fill_cell(connection, opening);
    int place = link_cell(&opening->flow, cell);
    if (place == NO_PLACE) {
        WRITE_ONCE(connection->word,
                   (connection->word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_FREE);
        give_back(cell);
        return find_again(&opening->flow);
    }
    __u32 winner = find_winner(&opening->flow, cell, place);
    if (winner) {
        give_way(connection);
        return winner;
    }
    return commit(connection, opening) ? cell : find_again(&opening->flow);
}

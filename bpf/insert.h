/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A new connection or persistence template. Two CPUs may open the same one at once (a repeated SYN
 * on another queue, two datagrams): each links its cell as PENDING first and looks for rivals
 * afterwards, so at least one of them sees the other. An open one beats a pending one, an earlier
 * place a later one. The loser's packet goes by the winner's record. */

#include "bind.h"
#include "connection_state.h"
#include "count.h"
#include "link.h"
#if defined(FAMILY_6)
#include "insert_v6.h"
#else
#include "insert_v4.h"
#endif

struct opening {
    struct flow flow;
    __u32 service;
    __u32 server;
    ip_address real_address;
    __u32 now; /* jiffies */
    __u32 client_interface;
    __u32 template_cell;
    __be16 real_port;
    __u16 client_epoch;
    __u16 load_epoch;
    __u8 method;
    __u8 state; /* enum shoal_state that it begins in */
};

/* What a connection and a datagram alone have in common; the addresses differ by family. */
static __always_inline void copy_opening(struct shoal_connection* connection,
                                         const struct opening* opening) {
    connection->seen = opening->now;
    connection->client_port = opening->flow.client_port;
    connection->virtual_port = opening->flow.other_port;
    connection->real_port = opening->real_port;
    connection->protocol = opening->flow.protocol;
    connection->method = opening->method;
    connection->service = opening->service;
    connection->server = opening->server;
}

static __always_inline void fill_cell(struct shoal_connection* connection,
                                      const struct opening* opening) {
    __u32 generation = connection->word >> SHOAL_WORD_GENERATION_SHIFT;
    copy_opening(connection, opening);
    set_addresses(connection, &opening->flow, opening->real_address);
    connection->client_interface = opening->client_interface;
    connection->client_epoch = opening->client_epoch;
    connection->load_epoch = opening->load_epoch;
    connection->controlled = 0;
    __u32 flags = bind(connection, opening->template_cell);
    WRITE_ONCE(connection->word, generation << SHOAL_WORD_GENERATION_SHIFT | flags | FAMILY_WORD |
                                     SHOAL_STATE_PENDING);
}

/* True if the rival stays; false once it is out of the way. */
static __always_inline bool yields_to(struct shoal_connection* rival, bool rival_is_before_us) {
    __u32 word = READ_ONCE(rival->word);
    if (!is_pending(word)) return is_present(word);
    if (rival_is_before_us) return true;
    __u32 dead = (word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_DEAD;
    __u32 found = __sync_val_compare_and_swap(&rival->word, word, dead);
    return found != word && is_present(found);
}

SLOW_PATH bool is_winner(const struct flow* flow, __u32 cell, bool before_us) {
    struct shoal_connection* rival = get_connection(cell);
    return flow && rival && is_of_flow(rival, flow) && yields_to(rival, before_us);
}

/* The cell in this bucket that we must give way to, or 0. Slots before `ours` are before us. */
static __always_inline __u32 find_winner_in(const struct shoal_bucket* bucket,
                                            const struct flow* flow, __u32 our_cell, int ours) {
    for (int i = 0; i < SHOAL_BUCKET_SLOTS; ++i) {
        __u64 entry = READ_ONCE(bucket->slot[i]);
        if ((entry ^ flow->hash) & SHOAL_SLOT_SIGNATURE_MASK) continue;
        __u32 cell = entry & SHOAL_SLOT_CELL_MASK;
        if (cell != our_cell && is_winner(flow, cell, i < ours)) return cell;
    }
    return 0;
}

/* The cell of another connection of this flow that we must give way to, or 0. */
static __always_inline __u32 find_winner(const struct flow* flow, __u32 our_cell, int our_place) {
    const struct shoal_bucket* first = get_bucket(first_bucket(flow->hash));
    const struct shoal_bucket* alternate = get_bucket(alternate_bucket(flow->hash));
    if (!first || !alternate) return 0;
    __u32 cell = find_winner_in(first, flow, our_cell, our_place);
    if (cell) return cell;
    /* Who counts there after this look sees our entry. */
    if (uses_alternate(first))
        cell = find_winner_in(alternate, flow, our_cell, our_place - SHOAL_BUCKET_SLOTS);
    if (cell || our_place == PLACE_OVERFLOW || !has_overflowed(first)) return cell;
    cell = find_overflowed(flow);
    return cell && is_winner(flow, cell, false) ? cell : 0;
}

/* False where a rival ended it first. */
static __always_inline bool commit(struct shoal_connection* connection,
                                   const struct opening* opening) {
    bool template = opening->state == SHOAL_STATE_TEMPLATE;
    __u32 pending = (connection->word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_PENDING;
    __u32 word = template ? (pending & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_TEMPLATE
                          : with_state(pending, opening->state);
    if (__sync_val_compare_and_swap(&connection->word, pending, word) != pending) return false;
    return true;
}

static __always_inline void give_way(struct shoal_connection* connection) {
    __u32 pending = (connection->word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_PENDING;
    __u32 dead = (pending & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_DEAD;
    __sync_val_compare_and_swap(&connection->word, pending, dead);
}

/* A cell that never was in the index. */
static __always_inline void take_back(struct shoal_connection* connection, __u32 cell) {
    unbind(connection);
    give_back_addresses(connection);
    WRITE_ONCE(connection->word,
               (connection->word & (~0U << SHOAL_WORD_GENERATION_SHIFT)) | SHOAL_STATE_FREE);
    give_back(cell);
}

/* A flag of what open_connection returns: it is ours, and we count it. */
#define OPENED 0x80000000U

/* Opens the connection, or finds the one that was opened meanwhile. Returns its cell; 0: the table
 * is full. Counting is left to the caller, for the stack's sake. */
SLOW_PATH __u32 open_connection(const struct opening* opening) {
    if (!opening) return 0;
    __u32 cell = take_cell();
    struct shoal_connection* connection = get_connection(cell);
    if (!cell || !connection) return 0;
    if (!take_addresses(connection, cell)) {
        give_back(cell);
        return 0;
    }
    fill_cell(connection, opening);
    int place = link_cell(&opening->flow, cell);
    if (place == NO_PLACE) {
        take_back(connection, cell);
        return find_again(&opening->flow);
    }
    __u32 winner = find_winner(&opening->flow, cell, place);
    if (winner) {
        give_way(connection);
        return winner;
    }
    return commit(connection, opening) ? cell | OPENED : find_again(&opening->flow);
}

/* Counts a connection where we opened it. Returns the cell. */
static __always_inline __u32 count_opened(const struct opening* opening, __u32 cell) {
    if (!(cell & OPENED)) return cell;
    change_load(opening->service, opening->server, opening->load_epoch,
                load_of(with_state(0, opening->state)));
    count_connection(opening->service, opening->server);
    return cell & ~OPENED;
}

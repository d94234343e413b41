/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The end of a cell's use: out of the index, off what it keeps alive, and into the free ring. */

#include "bind.h"
#include "cells.h"
#include "unlink.h"

/* The cell with the addresses of a connection that is out of the index. */
static __always_inline __u32 let_go_of_addresses(const struct shoal_connection* connection) {
    struct shoal_addresses* addresses = get_addresses(connection->address_cell);
    if (!is_ipv6(connection) || !addresses) return 0;
    __u32 generation = (addresses->word >> SHOAL_WORD_GENERATION_SHIFT) + 1;
    WRITE_ONCE(addresses->word, generation << SHOAL_WORD_GENERATION_SHIFT | SHOAL_STATE_FREE);
    return connection->address_cell;
}

/* For the one who may unlink the cell. */
static __noinline __attribute__((unused)) void free_cell(struct shoal_connection* connection,
                                                         __u32 cell, struct shoal_free_ring* ring) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return;
    struct shoal_overflow_key key = {};
    set_key(&key, connection);
    unlink_cell(record_hash(settings, is_ipv6(connection), &key), &key, connection, cell);
    unbind(connection);
    __u32 address_cell = let_go_of_addresses(connection);
    __u32 generation = (connection->word >> SHOAL_WORD_GENERATION_SHIFT) + 1;
    WRITE_ONCE(connection->word, generation << SHOAL_WORD_GENERATION_SHIFT | SHOAL_STATE_FREE);
    put_back(ring, cell);
    if (address_cell) put_back(ring, address_cell);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A connection of IPv6 has its addresses in a second cell. */

#include "cells.h"

/* False: there is no second cell. The first one is not in the index yet. */
static __always_inline bool take_addresses(struct shoal_connection* connection, __u32 cell) {
    __u32 address_cell = take_cell();
    addresses* of = get_addresses(address_cell);
    if (!address_cell || !of) return false;
    __u32 generation = of->word >> SHOAL_WORD_GENERATION_SHIFT;
    of->owner = cell;
    WRITE_ONCE(of->word, generation << SHOAL_WORD_GENERATION_SHIFT | SHOAL_STATE_ADDRESSES);
    connection->address_cell = address_cell;
    return true;
}

static __always_inline void give_back_addresses(const struct shoal_connection* connection) {
    addresses* of = get_addresses(connection->address_cell);
    if (!of) return;
    WRITE_ONCE(of->word, (of->word & (~0U << SHOAL_WORD_GENERATION_SHIFT)) | SHOAL_STATE_FREE);
    give_back(connection->address_cell);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The end of a cell's use: out of the index, off what it keeps alive, and into the free ring. */

#include "bind.h"
#include "cells.h"
#include "unlink.h"

static __always_inline bool set_hash(struct flow* flow) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return false;
    flow->hash = flow->protocol == SHOAL_PROTOCOL_TEMPLATE
                     ? template_hash(settings, flow->client_address, flow->other_address)
                     : flow_hash(settings, flow->client_address, flow->client_port, flow->protocol);
    return true;
}

/* For the one who may unlink the cell. */
static __noinline void free_cell(struct shoal_connection* connection, __u32 cell,
                                 struct shoal_free_ring* ring) {
    struct flow flow = {.client_address = connection->client_address,
                        .other_address = connection->virtual_address,
                        .client_port = connection->client_port,
                        .other_port = connection->virtual_port,
                        .protocol = connection->protocol};
    if (!set_hash(&flow)) return;
    unlink_cell(&flow, connection, cell);
    unbind(connection);
    __u32 generation = (connection->word >> SHOAL_WORD_GENERATION_SHIFT) + 1;
    WRITE_ONCE(connection->word, generation << SHOAL_WORD_GENERATION_SHIFT | SHOAL_STATE_FREE);
    put_back(ring, cell);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A connection of IPv4 has its addresses in its own cell. */

#include "cells.h"

static __always_inline bool take_addresses(const struct shoal_connection* connection, __u32 cell) {
    (void)connection, (void)cell;
    return true;
}

static __always_inline void give_back_addresses(const struct shoal_connection* connection) {
    (void)connection;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What shoald asks of the program that moves connections from one table to another, and what it
 * answers; see move.h. */

#include <linux/types.h>

/* Cells of the former table that one call of the loop's body looks at. */
#define SHOAL_MOVE_CELLS_PER_CALL 8

struct shoal_move {
    __u32 first;     /* cell of the former table */
    __u32 calls;     /* of SHOAL_MOVE_CELLS_PER_CALL cells each */
    __u32 templates; /* 1: persistence templates, 0: connections */
    __u32 moved;     /* out: by this run */
    __u32 waiting;   /* out: those found that could not be moved: the new table is full */
    __u32 taken;     /* out: cells of the former table that are in use still */
};

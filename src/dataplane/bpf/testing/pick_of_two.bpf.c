/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* twos with random numbers that a test chooses. */

#include "twos.h"

/* The service's index is the context's mark, the numbers are cb[0] and cb[1]. Returns an index into
 * server_table, or NO_SERVER. */
SEC("tc")
int pick_of_two_chosen(struct __sk_buff* context) {
    return pick_of_two_by(context->mark, context->cb[0], context->cb[1]);
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

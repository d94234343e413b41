/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Moves connections of IPv6 from a former table to the one that takes over. */

#define HOOK_TC
#define FAMILY_6
#include "move.h"

SEC("tc")
int move_ipv6_connections(struct __sk_buff* context) {
    (void)context;
    return move_slice();
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

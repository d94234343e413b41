/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The fast cases of the packet path in the driver; the rest goes up to tc. */

#define HOOK_XDP
#include "director.h"

SEC("xdp.frags")
int shoal_xdp(struct xdp_md* context) {
    return direct(context);
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

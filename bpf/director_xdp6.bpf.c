/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The fast cases of IPv6 in the driver; the program of IPv4 hands over to it. */

#define HOOK_XDP
#define FAMILY_6
#include "director.h"

SEC("xdp.frags")
int shoal_ipv6_xdp(struct xdp_md* context) {
    return direct(context);
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

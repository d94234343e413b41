/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What differs between the two hooks in name only. */

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf_base.h"

#define AF_INET 2
#define AF_INET6 10

#if defined(HOOK_XDP)

typedef struct xdp_md hook_context;
#define ACTION_PASS XDP_PASS
#define ACTION_DROP XDP_DROP
static const bool is_xdp = true;

#elif defined(HOOK_TC)

typedef struct __sk_buff hook_context;
/* Other filters and programs behind this one see what is not ours. */
#define ACTION_PASS TC_ACT_UNSPEC
#define ACTION_DROP TC_ACT_SHOT
static const bool is_xdp = false;

#else
#error "compile with HOOK_XDP or HOOK_TC"
#endif

static __always_inline __u32 ingress_device(const hook_context* context) {
#if defined(HOOK_XDP)
    return context->ingress_ifindex;
#else
    return context->ifindex;
#endif
}

/* A sum over the packet that the device delivered takes in what changes without being made up for.
 */
static __always_inline void add_to_device_sum(const hook_context* context, __u32 sum) {
#if defined(HOOK_TC)
    bpf_csum_update((hook_context*)context, sum);
#else
    (void)context, (void)sum;
#endif
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets that are longer than the way they have to go takes. What is redirected is fragmented by
 * nobody: the sender is told, whether it allows fragments or not. */

#include "icmp_reply.h"
#include "packet.h"

#if defined(FAMILY_6)
#include "path_mtu_v6.h"
#else
#include "path_mtu_v4.h"
#endif

/* The longest IP packet that it becomes on the wire. */
static __always_inline __u32 wire_bytes(const hook_context* context, const struct packet* packet) {
#if defined(HOOK_TC)
    if (context->gso_size) return segment_bytes(context, packet->ip);
#else
    (void)context;
#endif
    return packet->bytes;
}

/* `mtu` 0: not known, and then everything fits. */
static __always_inline bool within(__u32 bytes, __u32 mtu) {
    return bytes - 1 <= mtu - 1;
}

/* The sender is told `mtu`. XDP leaves the packet to tc. */
static __always_inline int refuse_too_big(hook_context* context, struct packet* packet, __u32 mtu,
                                          ip_address virtual_address) {
#if defined(HOOK_TC)
    if ((__s32)mtu < LEAST_MTU) mtu = LEAST_MTU;
    packet->sent = tell_mtu(context, mtu, virtual_address);
    return SHOAL_VERDICT_too_big;
#else
    (void)context, (void)packet, (void)mtu, (void)virtual_address;
    return SHOAL_VERDICT_passed_up;
#endif
}

/* A device's MTU, 0 where it is gone or the program knows better (XDP: devices.h). */
#if defined(HOOK_TC)
SLOW_PATH __u32 get_mtu(hook_context* context, __u32 interface) {
    __u32 mtu = 0;
    return bpf_check_mtu(context, interface, &mtu, 0, 0) < 0 ? 0 : mtu;
}
#else
static __always_inline __u32 get_mtu(hook_context* context, __u32 interface) {
    (void)context, (void)interface;
    return 0;
}
#endif

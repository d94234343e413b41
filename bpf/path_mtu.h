/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets that are longer than the way they have to go takes. What is redirected is fragmented by
 * nobody: the sender is told, whether it allows fragments or not. */

#include "icmp_reply.h"
#include "packet.h"

#define LEAST_MTU 68 /* RFC 791 */

/* The longest IP packet that it becomes on the wire. */
static __always_inline __u32 wire_bytes(const hook_context* context, const struct packet* packet) {
#if defined(HOOK_TC)
    if (context->gso_size) {
        const struct iphdr* ip = packet->ip;
        __u32 header_bytes = ip->ihl * 4;
        const __u8* transport = (const void*)ip + header_bytes;
        __u32 headers = header_bytes + sizeof(struct udphdr);
        if (ip->protocol == IPPROTO_TCP && (void*)transport + 13 <= (void*)(long)context->data_end)
            headers = header_bytes + (transport[12] >> 4) * 4;
        return headers + context->gso_size;
    }
#else
    (void)context;
#endif
    return packet->bytes;
}

/* `mtu` 0: not known, and then everything fits. */
static __always_inline bool within(__u32 bytes, __u32 mtu) {
    return bytes - 1 <= mtu - 1;
}

/* "Fragmentation needed" (RFC 1191) with `mtu`. XDP leaves the packet to tc. */
static __always_inline int refuse_too_big(hook_context* context, struct packet* packet, __u32 mtu,
                                          __be32 virtual_address) {
#if defined(HOOK_TC)
    if ((__s32)mtu < LEAST_MTU) mtu = LEAST_MTU;
    packet->sent = tell_sender(context, ICMP_UNREACHABLE << 8 | ICMP_TOO_BIG, mtu, virtual_address);
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

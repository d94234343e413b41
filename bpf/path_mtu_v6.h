/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What path_mtu.h needs of IPv6; included there. */

#define LEAST_MTU 1280 /* RFC 8200, 5 */

#if defined(HOOK_TC)

/* The longest IP packet that an aggregate becomes on the wire. */
static __always_inline __u32 segment_bytes(const hook_context* context, const struct ipv6hdr* ip) {
    const __u8* transport = (const void*)(ip + 1);
    __u32 headers = sizeof(*ip) + sizeof(struct udphdr);
    if (ip->nexthdr == IPPROTO_TCP && (void*)transport + 13 <= (void*)(long)context->data_end)
        headers = sizeof(*ip) + (transport[12] >> 4) * 4;
    return headers + context->gso_size;
}

/* "Packet too big" (RFC 8201). */
static __always_inline int tell_mtu(hook_context* context, __u32 mtu, ip_address virtual_address) {
    return tell_sender(context, ICMPV6_PACKET_TOO_BIG << 8, mtu, virtual_address.half[0],
                       virtual_address.half[1]);
}

#endif

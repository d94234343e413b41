/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What path_mtu.h needs of IPv4; included there. */

#define LEAST_MTU 68 /* RFC 791 */

#if defined(HOOK_TC)

/* The longest IP packet that an aggregate becomes on the wire. */
static __always_inline __u32 segment_bytes(const hook_context* context, const struct iphdr* ip) {
    __u32 header_bytes = ip->ihl * 4;
    const __u8* transport = (const void*)ip + header_bytes;
    __u32 headers = header_bytes + sizeof(struct udphdr);
    if (ip->protocol == IPPROTO_TCP && (void*)transport + 13 <= (void*)(long)context->data_end)
        headers = header_bytes + (transport[12] >> 4) * 4;
    return headers + context->gso_size;
}

/* "Fragmentation needed" (RFC 1191). */
static __always_inline int tell_mtu(hook_context* context, __u32 mtu, ip_address virtual_address) {
    return tell_sender(context, ICMP_UNREACHABLE << 8 | ICMP_TOO_BIG, mtu, virtual_address);
}

#endif

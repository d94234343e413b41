/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What tunnels need of an IPv6 packet inside; included by tunnel.h. */

#define INNER_PROTOCOL IPPROTO_IPV6

/* Without extension headers. */
static __always_inline bool is_plain_tcp(const struct ipv6hdr* ip) {
    return ip->nexthdr == IPPROTO_TCP;
}

/* Behind extension headers there are no ports here, so that all fragments go the same way. */
static __always_inline __be16 source_port_of(const hook_context* context,
                                             const struct ipv6hdr* ip) {
    const struct udphdr* ports = (const void*)(ip + 1);
    bool has_ports = ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_UDP;
    return has_ports && (void*)(ports + 1) <= (void*)(long)context->data_end ? ports->source : 0;
}

/* Nobody but its sender may fragment it, and so nobody may outside. */
static __always_inline struct inner read_inner(const hook_context* context,
                                               const struct ipv6hdr* ip, struct tunnel tunnel) {
    __be16 source_port = tunnel.kind == SHOAL_TUNNEL_GUE ? source_port_of(context, ip) : 0;
    struct inner inner = {.bytes = ip_bytes(ip) + overhead_of(tunnel),
                          .fragmentation = DONT_FRAGMENT,
                          .service = tos_of(ip),
                          .ttl = ip->hop_limit};
    if (inner.bytes > 0xffff) inner.bytes = 0; /* as of IPv4 */
    if ((inner.service & 3) == 3) --inner.service;
    __u32 client = fold_address(source_of(ip));
    inner.source_port = bpf_htons(0xc000) | ((client ^ client >> 16) ^ source_port);
    return inner;
}

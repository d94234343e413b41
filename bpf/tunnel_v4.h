/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What tunnels need of an IPv4 packet inside; included by tunnel.h. */

#define INNER_PROTOCOL IPPROTO_IPIP

static __always_inline bool is_plain_tcp(const struct iphdr* ip) {
    return ip->protocol == IPPROTO_TCP;
}

/* Fragments of a datagram have no port, so that all of them go the same way. */
static __always_inline __be16 source_port_of(const hook_context* context, const struct iphdr* ip) {
    const struct udphdr* ports = (const void*)ip + (is_xdp ? sizeof(*ip) : ip->ihl * 4U);
    bool has_ports = ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP;
    bool whole = !(ip->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET));
    if (!has_ports || !whole || (void*)(ports + 1) > (void*)(long)context->data_end) return 0;
    return ports->source;
}

static __always_inline struct inner read_inner(const hook_context* context, const struct iphdr* ip,
                                               struct tunnel tunnel) {
    __u32 overhead = overhead_of(tunnel);
    __be16 source_port = tunnel.kind == SHOAL_TUNNEL_GUE ? source_port_of(context, ip) : 0;
    struct inner inner = {.bytes = bpf_ntohs(ip->tot_len) + overhead,
                          .fragmentation = ip->frag_off & DONT_FRAGMENT,
                          .service = ip->tos,
                          .ttl = ip->ttl};
    /* Only an aggregate of TCP can be that long; its length is then the buffer's (Linux 6.3), and
     * its segments get lengths of their own. */
    if (inner.bytes > 0xffff) inner.bytes = 0;
    /* RFC 3168 9.1.1: what the inner packet experienced is not repeated outside. */
    if ((inner.service & 3) == 3) --inner.service;
    __u32 client = ip->saddr ^ ip->saddr >> 16;
    /* RFC 6864: means nothing where the packet is never fragmented. */
    if (!inner.fragmentation) inner.id = ip->id ^ client;
    inner.source_port = bpf_htons(0xc000) | (client ^ source_port);
    return inner;
}

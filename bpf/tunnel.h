/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Tunneling: the client's packet, its time to live lowered, in a packet of the director's to the
 * real server. As in IPVS the outer header takes over type of service, time to live and "don't
 * fragment". */

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "checksum.h"
#include "macs.h"
#include "path_mtu.h"

#define GUE_HEADER_BYTES 4
#define GRE_HEADER_BYTES 4
#define GRE_OF_INNER bpf_htonl(FAMILY_TYPE)          /* no options, version 0 */
#define GUE_OF_INNER bpf_htonl(INNER_PROTOCOL << 16) /* version 0, no options */
#define DONT_FRAGMENT bpf_htons(0x4000)

/* A server's tunnel; constants where they are known. */
struct tunnel {
    __u8 kind;   /* enum shoal_tunnel */
    __u8 family; /* of the outer header, 4 or 6 */
};

static __always_inline __u32 outer_header_bytes(struct tunnel tunnel) {
    return tunnel.family == 6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

static __always_inline __u32 overhead_of(struct tunnel tunnel) {
    __u32 bytes = outer_header_bytes(tunnel);
    if (tunnel.kind == SHOAL_TUNNEL_GUE) bytes += sizeof(struct udphdr) + GUE_HEADER_BYTES;
    if (tunnel.kind == SHOAL_TUNNEL_GRE) bytes += GRE_HEADER_BYTES;
    return bytes;
}

static __always_inline __u32 tunnel_overhead(const struct shoal_server* server) {
    struct tunnel tunnel = {server->tunnel, server->family};
    return overhead_of(tunnel);
}

/* The most frequent kind: IPIP of the packets' own family. */
static const struct tunnel plain_tunnel = {SHOAL_TUNNEL_IPIP, FAMILY};

static __always_inline bool is_plain_tunnel(const struct shoal_server* server) {
    return server->tunnel == SHOAL_TUNNEL_IPIP && server->family == FAMILY;
}

/* What the outer headers need of the inner packet, whose pointers do not live through the making of
 * room. */
struct inner {
    __u32 bytes; /* with the outer headers; 0: more than the header can say (BIG TCP, see below) */
    __be16 id;
    __be16 fragmentation;
    __be16 source_port; /* of GUE */
    __u8 service;
    __u8 ttl;
};

#if defined(FAMILY_6)
#include "tunnel_v6.h"
#else
#include "tunnel_v4.h"
#endif

/* Of an aggregate: whether its segments fit as they are. */
static __always_inline bool fits_as_it_is(const hook_context* context, const struct packet* packet,
                                          const struct shoal_server* server) {
    return within(wire_bytes(context, packet) + tunnel_overhead(server), server->mtu);
}

/* An aggregate of TCP is cut anew, into smaller segments, if need be. */
static __always_inline bool fits(const hook_context* context, const struct packet* packet,
                                 const struct shoal_server* server) {
    if (fits_as_it_is(context, packet, server)) return true;
#if defined(HOOK_TC)
    return context->gso_size && is_plain_tcp(packet->ip) &&
           wire_bytes(context, packet) <= server->mtu;
#else
    return false;
#endif
}

/* ---- The outer headers ------------------------------------------------------------------------*/

static __always_inline bool make_room(hook_context* context, const struct packet* packet,
                                      const struct shoal_server* server, struct tunnel tunnel) {
#if defined(HOOK_XDP)
    (void)packet, (void)server;
    return !bpf_xdp_adjust_head(context, -(int)overhead_of(tunnel));
#else
    __u64 flags = tunnel.family == 6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
    if (tunnel.kind == SHOAL_TUNNEL_GUE) flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
    if (tunnel.kind == SHOAL_TUNNEL_GRE) flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
    if (fits_as_it_is(context, packet, server)) flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
    return !bpf_skb_adjust_room(context, overhead_of(tunnel), BPF_ADJ_ROOM_MAC, flags);
#endif
}

static __always_inline __u32 words_of(__u32 value) {
    return (value & 0xffff) + (value >> 16);
}

static __always_inline bool write_gre(hook_context* context, __be32* gre, const void* end) {
    if ((void*)(gre + 1) > end) return false;
    *gre = GRE_OF_INNER;
    add_to_device_sum(context, words_of(GRE_OF_INNER));
    return true;
}

/* Without a checksum, in IPv6 too (RFC 6935): it would cover the whole inner packet. */
static __always_inline bool write_gue(hook_context* context, struct udphdr* udp, const void* end,
                                      const struct inner* inner, const struct shoal_server* server,
                                      struct tunnel tunnel) {
    __be32* gue = (__be32*)(udp + 1);
    if ((void*)(gue + 1) > end) return false;
    __be16 length = bpf_htons(inner->bytes ? inner->bytes - outer_header_bytes(tunnel) : 0);
    udp->source = inner->source_port;
    udp->dest = server->tunnel_port;
    udp->len = length;
    udp->check = 0;
    *gue = GUE_OF_INNER;
    add_to_device_sum(context,
                      inner->source_port + server->tunnel_port + length + words_of(GUE_OF_INNER));
    return true;
}

/* Its own checksum makes its sum 0. */
static __always_inline void write_outer_v4(struct iphdr* ip, const struct inner* inner,
                                           const struct shoal_server* server, __u8 protocol) {
    __be16 first = bpf_htons(0x4500 | inner->service);
    __be16 length = bpf_htons(inner->bytes);
    __be16 last = bpf_htons(inner->ttl << 8 | protocol);
    __be32 from = server->tunnel_source[0], to = server->address[0];
    *(__be16*)ip = first;
    ip->tot_len = length;
    ip->id = inner->id;
    ip->frag_off = inner->fragmentation;
    *(__be16*)&ip->ttl = last;
    ip->saddr = from;
    ip->daddr = to;
    ip->check = ~fold(first + length + inner->id + inner->fragmentation + last + words_of(from) +
                      words_of(to));
}

static __always_inline void write_outer_v6(hook_context* context, struct ipv6hdr* ip,
                                           const struct inner* inner,
                                           const struct shoal_server* server, __u8 protocol) {
    __be32* words = (__be32*)ip;
    __u32 bytes = inner->bytes ? inner->bytes - sizeof(*ip) : 0;
    words[0] = bpf_htonl(6U << 28 | (__u32)inner->service << 20);
    words[1] = bpf_htonl(bytes << 16 | protocol << 8 | inner->ttl);
    __u32 sum = words_of(words[0]) + words_of(words[1]);
    for (int i = 0; i < 4; ++i) {
        words[2 + i] = server->tunnel_source[i];
        words[6 + i] = server->address[i];
        sum += words_of(server->tunnel_source[i]) + words_of(server->address[i]);
    }
    add_to_device_sum(context, sum);
}

static __always_inline __u8 outer_protocol(__u8 tunnel) {
    if (tunnel == SHOAL_TUNNEL_GUE) return IPPROTO_UDP;
    return tunnel == SHOAL_TUNNEL_GRE ? IPPROTO_GRE : INNER_PROTOCOL;
}

static __always_inline bool write_outer(hook_context* context, const struct inner* inner,
                                        const struct shoal_server* server, struct tunnel tunnel) {
    struct ethhdr* ethernet = (void*)(long)context->data;
    void* end = (void*)(long)context->data_end;
    void* behind = (void*)(ethernet + 1) + sizeof(struct iphdr);
    __u8 protocol = outer_protocol(tunnel.kind);
    if (tunnel.family == 6) {
        behind = (void*)(ethernet + 1) + sizeof(struct ipv6hdr);
        if (behind > end) return false;
        ethernet->h_proto = bpf_htons(ETH_P_IPV6);
        write_outer_v6(context, (void*)(ethernet + 1), inner, server, protocol);
    } else {
        if (behind > end) return false;
        ethernet->h_proto = bpf_htons(ETH_P_IP);
        write_outer_v4((void*)(ethernet + 1), inner, server, protocol);
    }
    copy_macs(ethernet, server->mac);
    if (protocol == IPPROTO_GRE) return write_gre(context, behind, end);
    if (protocol == IPPROTO_UDP) return write_gue(context, behind, end, inner, server, tunnel);
    return true;
}

/* The frame is complete afterwards, and the packet's pointers are void. False: the kernel has no
 * room for the headers. */
static __always_inline bool encapsulate(hook_context* context, const struct packet* packet,
                                        const struct shoal_server* server, struct tunnel tunnel) {
    lower_ttl(context, packet->ip, 0);
    struct inner inner = read_inner(context, packet->ip, tunnel);
    return make_room(context, packet, server, tunnel) &&
           write_outer(context, &inner, server, tunnel);
}

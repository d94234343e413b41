/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Tunneling: the client's packet, its time to live lowered, in a packet of the director's to the
 * real server. As in IPVS the outer header takes over type of service, time to live and "don't
 * fragment". */

#include "checksum.h"
#include "next_hop.h"

#define GUE_HEADER_BYTES 4
#define GRE_HEADER_BYTES 4
#define GRE_OF_IPV4 bpf_htonl(ETH_P_IP)           /* no options, version 0 */
#define GUE_OF_IPV4 bpf_htonl(IPPROTO_IPIP << 16) /* version 0, no options */
#define DONT_FRAGMENT bpf_htons(0x4000)

static __always_inline __u32 tunnel_overhead(__u8 tunnel) {
    if (tunnel == SHOAL_TUNNEL_GUE)
        return sizeof(struct iphdr) + sizeof(struct udphdr) + GUE_HEADER_BYTES;
    if (tunnel == SHOAL_TUNNEL_GRE) return sizeof(struct iphdr) + GRE_HEADER_BYTES;
    return sizeof(struct iphdr);
}

/* Of an aggregate: whether its segments fit as they are. */
static __always_inline bool fits_as_it_is(const hook_context* context, const struct packet* packet,
                                          const struct shoal_server* server) {
    return within(wire_bytes(context, packet) + tunnel_overhead(server->tunnel), server->mtu);
}

/* An aggregate of TCP is cut anew, into smaller segments, if need be. */
static __always_inline bool fits(const hook_context* context, const struct packet* packet,
                                 const struct shoal_server* server) {
    if (fits_as_it_is(context, packet, server)) return true;
#if defined(HOOK_TC)
    return context->gso_size && packet->ip->protocol == IPPROTO_TCP &&
           wire_bytes(context, packet) <= server->mtu;
#else
    return false;
#endif
}

/* ---- The outer headers ------------------------------------------------------------------------*/

static __always_inline bool make_room(hook_context* context, const struct packet* packet,
                                      const struct shoal_server* server, __u8 tunnel) {
#if defined(HOOK_XDP)
    (void)packet, (void)server;
    return !bpf_xdp_adjust_head(context, -(int)tunnel_overhead(tunnel));
#else
    __u64 flags = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
    if (tunnel == SHOAL_TUNNEL_GUE) flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
    if (tunnel == SHOAL_TUNNEL_GRE) flags |= BPF_F_ADJ_ROOM_ENCAP_L4_GRE;
    if (fits_as_it_is(context, packet, server)) flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
    return !bpf_skb_adjust_room(context, tunnel_overhead(tunnel), BPF_ADJ_ROOM_MAC, flags);
#endif
}

/* A sum over the packet that the device delivered must take in what comes before the inner packet;
 * an IP header's own sum is 0. */
static __always_inline void add_to_device_sum(hook_context* context, __u32 sum) {
#if defined(HOOK_TC)
    bpf_csum_update(context, sum);
#else
    (void)context, (void)sum;
#endif
}

static __always_inline __u32 words_of(__u32 value) {
    return (value & 0xffff) + (value >> 16);
}

static __always_inline __u16 client_of(const struct iphdr* inner) {
    return inner->saddr ^ inner->saddr >> 16;
}

/* Fragments of a datagram have no port, so that all of them go the same way. */
static __always_inline __be16 source_port_of(const struct iphdr* inner, const void* end) {
    const struct udphdr* ports = (const void*)inner + (is_xdp ? sizeof(*inner) : inner->ihl * 4U);
    bool has_ports = inner->protocol == IPPROTO_TCP || inner->protocol == IPPROTO_UDP;
    bool whole = !(inner->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET));
    return has_ports && whole && (const void*)(ports + 1) <= end ? ports->source : 0;
}

static __always_inline void write_gre(hook_context* context, __be32* gre) {
    *gre = GRE_OF_IPV4;
    add_to_device_sum(context, words_of(GRE_OF_IPV4));
}

static __always_inline void write_gue(hook_context* context, struct udphdr* udp, __u32 bytes,
                                      __be16 source_port, __be16 port) {
    __be16 length = bpf_htons(bytes ? bytes - sizeof(struct iphdr) : 0);
    udp->source = source_port;
    udp->dest = port;
    udp->len = length;
    udp->check = 0;
    *(__be32*)(udp + 1) = GUE_OF_IPV4;
    add_to_device_sum(context, source_port + port + length + words_of(GUE_OF_IPV4));
}

static __always_inline void write_outer(struct iphdr* ip, const struct iphdr* inner, __u32 bytes,
                                        __u8 protocol, const struct shoal_server* server) {
    /* RFC 3168 9.1.1: what the inner packet experienced is not repeated outside. */
    __u8 service = inner->tos;
    if ((service & 3) == 3) --service;
    __be16 fragmentation = inner->frag_off & DONT_FRAGMENT;
    /* RFC 6864: means nothing where the packet is never fragmented. */
    __be16 id = fragmentation ? 0 : inner->id ^ client_of(inner);
    __be16 first = bpf_htons(0x4500 | service);
    __be16 length = bpf_htons(bytes);
    __be16 last = bpf_htons(inner->ttl << 8 | protocol);
    __be32 from = server->tunnel_source[0], to = server->address[0];
    *(__be16*)ip = first;
    ip->tot_len = length;
    ip->id = id;
    ip->frag_off = fragmentation;
    *(__be16*)&ip->ttl = last;
    ip->saddr = from;
    ip->daddr = to;
    ip->check = ~fold(first + length + id + fragmentation + last + words_of(from) + words_of(to));
}

/* The frame is complete afterwards, and the packet's pointers are void. False: the kernel has no
 * room for the headers. `tunnel`: the server's, a constant. */
static __always_inline bool encapsulate(hook_context* context, const struct packet* packet,
                                        const struct shoal_server* server, __u8 tunnel) {
    __u32 overhead = tunnel_overhead(tunnel);
    if (!make_room(context, packet, server, tunnel)) return false;
    struct ethhdr* ethernet = (void*)(long)context->data;
    void* end = (void*)(long)context->data_end;
    struct iphdr* outer = (void*)(ethernet + 1);
    struct iphdr* inner = (void*)outer + overhead;
    if ((void*)(inner + 1) > end) return false;
    copy_macs(ethernet, server->mac);
    ethernet->h_proto = bpf_htons(ETH_P_IP);
    lower_ttl(inner, 0);
    /* Only an aggregate of TCP can be too long for the field; its length is then the buffer's
     * (Linux 6.3), and its segments get lengths of their own. */
    __u32 bytes = bpf_ntohs(inner->tot_len) + overhead;
    if (bytes > 0xffff) bytes = 0;
    if (tunnel == SHOAL_TUNNEL_GUE) {
        __be16 port = bpf_htons(0xc000) | (client_of(inner) ^ source_port_of(inner, end));
        write_outer(outer, inner, bytes, IPPROTO_UDP, server);
        write_gue(context, (void*)(outer + 1), bytes, port, server->tunnel_port);
    } else if (tunnel == SHOAL_TUNNEL_GRE) {
        write_outer(outer, inner, bytes, IPPROTO_GRE, server);
        write_gre(context, (void*)(outer + 1));
    } else {
        write_outer(outer, inner, bytes, IPPROTO_IPIP, server);
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Fragments of IPv4; included by fragments.h. */

static __always_inline struct shoal_fragment_key fragment_key(const struct iphdr* ip) {
    struct shoal_fragment_key key = {.source = {ip->saddr},
                                     .destination = {ip->daddr},
                                     .identification = ip->id,
                                     .protocol = ip->protocol,
                                     .family = 4};
    return key;
}

/* `connection` is what the datagram belongs to, just seen; of protocol 0: the kernel's. */
static __noinline void remember_datagram(const struct iphdr* ip,
                                         const struct shoal_connection* connection) {
    struct shoal_fragment_key key = fragment_key(ip);
    bpf_map_update_elem(&fragments, &key, connection, BPF_ANY);
}

static __always_inline void remember_fragment(const struct packet* packet,
                                              const struct shoal_connection* connection) {
    remember_datagram(packet->ip, connection);
}

/* A datagram of one-packet scheduling has no connection. */
static __noinline void remember_datagram_alone(const struct iphdr* ip,
                                               const struct opening* opening) {
    struct shoal_connection connection = {.seen = opening->now,
                                          .client_address = opening->flow.client_address,
                                          .virtual_address = opening->flow.other_address,
                                          .real_address = opening->real_address,
                                          .protocol = opening->flow.protocol,
                                          .method = opening->method,
                                          .service = opening->service,
                                          .server = opening->server};
    remember_datagram(ip, &connection);
}

static __always_inline void remember_alone(const struct packet* packet,
                                           const struct opening* opening) {
    remember_datagram_alone(packet->ip, opening);
}

static __always_inline void remember_nothing(const struct packet* packet) {
    struct shoal_connection nothing = {};
    remember_datagram(packet->ip, &nothing);
}

/* Whether the ports are in this fragment, and others follow. */
static __always_inline bool begins_datagram(hook_context* context, const struct packet* packet) {
    (void)context;
    const struct iphdr* ip = packet->ip;
    return (ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) &&
           (ip->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET)) ==
               bpf_htons(MORE_FRAGMENTS);
}

/* Not so where the datagram would be longer than any, or where TCP's flags could be overwritten
 * (RFC 3128). */
static __always_inline bool is_sound_fragment(hook_context* context, struct packet* packet) {
    (void)context;
    const struct iphdr* ip = packet->ip;
    __u32 bytes = packet->bytes;
    __u32 offset = (bpf_ntohs(ip->frag_off) & FRAGMENT_OFFSET) * 8;
    if (bytes < ip->ihl * 4U || offset + bytes > 0xffff) return false;
    return ip->protocol != IPPROTO_TCP || offset >= sizeof(struct tcphdr);
}

/* What the datagram belongs to, or NULL. */
static __always_inline struct shoal_connection* find_followed(const struct packet* packet) {
    struct shoal_fragment_key key = fragment_key(packet->ip);
    return bpf_map_lookup_elem(&fragments, &key);
}

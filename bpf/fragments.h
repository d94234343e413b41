/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Fragments (tc only). The first one of a datagram has the ports and goes the way of any packet;
 * what it belongs to is remembered, and the later ones go there too. tc comes before the kernel's
 * reassembly, and GRO leaves fragments alone. */

#include "accept.h"
#include "follow.h"

/* As long as Linux keeps the fragments of an incomplete datagram (ipfrag_time), in seconds. */
#define FRAGMENT_TIME 30

static __always_inline struct shoal_fragment_key fragment_key(const struct iphdr* ip) {
    struct shoal_fragment_key key = {.source = {ip->saddr},
                                     .destination = {ip->daddr},
                                     .identification = ip->id,
                                     .protocol = ip->protocol,
                                     .family = 4};
    return key;
}

/* `connection` is what the datagram belongs to, just seen; of protocol 0: the kernel's. */
static __noinline void remember_fragment(const struct iphdr* ip,
                                         const struct shoal_connection* connection) {
    struct shoal_fragment_key key = fragment_key(ip);
    bpf_map_update_elem(&fragments, &key, connection, BPF_ANY);
}

/* A datagram of one-packet scheduling has no connection. */
static __noinline void remember_alone(const struct iphdr* ip, const struct opening* opening) {
    struct shoal_connection connection = {.seen = opening->now,
                                          .client_address = opening->flow.client_address,
                                          .virtual_address = opening->flow.other_address,
                                          .real_address = opening->real_address,
                                          .protocol = opening->flow.protocol,
                                          .method = opening->method,
                                          .service = opening->service,
                                          .server = opening->server};
    remember_fragment(ip, &connection);
}

/* Of a packet that passes. A function of its own for its stack. */
SLOW_PATH int remember_left(hook_context* context) {
    struct shoal_connection nothing = {};
    struct packet packet = {};
    if (parse_addresses(context, &packet) != UNDECIDED) return 0;
    if (packet.ip->protocol != IPPROTO_TCP && packet.ip->protocol != IPPROTO_UDP) return 0;
    if ((packet.ip->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET)) ==
        bpf_htons(MORE_FRAGMENTS))
        remember_fragment(packet.ip, &nothing);
    return 0;
}

static __always_inline __u32 fragment_to_server(hook_context* context, struct packet* packet,
                                                const struct shoal_connection* connection) {
    const struct shoal_server* server = get_server(connection->server);
    if (!server) return SHOAL_VERDICT_internal;
    /* The index may be another real server's by now. */
    if (server->address[0] != connection->real_address) return SHOAL_VERDICT_early_fragment;
    int verdict = check_way_to_server(packet, connection, server);
    if (verdict != UNDECIDED) return verdict;
    return send_on_to_server(context, packet, connection, server, SHOAL_VERDICT_forwarded);
}

static __always_inline __u32 fragment_to_client(hook_context* context, struct packet* packet,
                                                struct shoal_connection* connection) {
    struct client_hop hop = {.way = WAY_REMEMBERED};
    int verdict = check_way_to_client(context, packet, connection, &hop);
    if (verdict != UNDECIDED) return verdict;
    return with_sent(SHOAL_VERDICT_replied, send_on_to_client(context, packet, connection, &hop));
}

/* Not so where the datagram would be longer than any, or where TCP's flags could be overwritten
 * (RFC 3128). */
static __always_inline bool is_sound_fragment(const struct iphdr* ip, __u32 bytes) {
    __u32 offset = (bpf_ntohs(ip->frag_off) & FRAGMENT_OFFSET) * 8;
    if (bytes < ip->ihl * 4U || offset + bytes > 0xffff) return false;
    return ip->protocol != IPPROTO_TCP || offset >= sizeof(struct tcphdr);
}

/* A later fragment whose first one has not passed by. shoald holds it for a moment and sends it in
 * again by the device that it went out by; then it is late. What a real server sends need not be of
 * a connection: it has always been the kernel's where nobody knows it. */
static __always_inline __u32 hold_fragment(const hook_context* context,
                                           const struct shoal_settings* settings, __be32 to) {
    __u32 holder = READ_ONCE(settings->fragment_holder);
    if (!holder || context->ifindex == holder)
        return may_be_virtual(to) ? SHOAL_VERDICT_early_fragment : SHOAL_VERDICT_not_balanced;
    return with_sent(SHOAL_VERDICT_fragment_held, bpf_redirect(holder, 0));
}

/* A fragment that is not the first one. */
SLOW_PATH __u32 follow_first_fragment(hook_context* context) {
    struct packet packet = {};
    const struct shoal_settings* settings = get_settings();
    if (!settings) return SHOAL_VERDICT_internal;
    int verdict = parse_addresses(context, &packet);
    if (verdict != UNDECIDED) return verdict;
    packet.bytes = bpf_ntohs(packet.ip->tot_len);
    packet.segments = 1;
    if (packet.bytes > context->len - ETH_HLEN || !is_sound_fragment(packet.ip, packet.bytes))
        return SHOAL_VERDICT_truncated;
    struct shoal_fragment_key key = fragment_key(packet.ip);
    struct shoal_connection* connection = bpf_map_lookup_elem(&fragments, &key);
    if (!connection) return hold_fragment(context, settings, packet.ip->daddr);
    if (!connection->protocol) return SHOAL_VERDICT_not_balanced;
    if ((__u32)bpf_jiffies64() - connection->seen > FRAGMENT_TIME * settings->hz)
        return hold_fragment(context, settings, packet.ip->daddr);
    return packet.ip->daddr == connection->virtual_address
               ? fragment_to_server(context, &packet, connection)
               : fragment_to_client(context, &packet, connection);
}

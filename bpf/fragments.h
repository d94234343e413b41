/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Fragments (tc only). The first one of a datagram has the ports and goes the way of any packet;
 * what it belongs to is remembered, and the later ones go there too. tc comes before the kernel's
 * reassembly, and GRO leaves fragments alone. */

#include "accept.h"
#include "address_filter.h"
#include "follow.h"
#if defined(FAMILY_6)
#include "fragments_v6.h"
#else
#include "fragments_v4.h"
#endif

/* As long as Linux keeps the fragments of an incomplete datagram (ipfrag_time; 60 for IPv6), in
 * seconds. */
#define FRAGMENT_TIME 30

/* Of a packet that passes. A function of its own for its stack. */
SLOW_PATH int remember_left(hook_context* context) {
    struct packet packet = {};
    if (parse_addresses(context, &packet) != UNDECIDED) return 0;
    if (begins_datagram(context, &packet)) remember_nothing(&packet);
    return 0;
}

static __always_inline __u32 fragment_to_server(hook_context* context, struct packet* packet,
                                                const struct shoal_connection* connection) {
    const struct shoal_server* server = get_server(connection->server);
    if (!server) return SHOAL_VERDICT_internal;
    /* The index may be another real server's by now. */
    const addresses* of = addresses_of(connection);
    if (!of || !same_address(real_address_of(server), real_of(of)))
        return SHOAL_VERDICT_early_fragment;
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

/* A later fragment whose first one has not passed by. shoald holds it for a moment and sends it in
 * again by the device that it went out by; then it is late. The first one may have been left to
 * another table. What a real server sends need not be of
 * a connection: it has always been the kernel's where nobody knows it. */
static __always_inline __u32 hold_fragment(const hook_context* context,
                                           const struct shoal_settings* settings, ip_address to) {
    __u32 holder = READ_ONCE(settings->fragment_holder);
    if (READ_ONCE(settings->draining)) return SHOAL_VERDICT_left_to_successor;
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
    packet.bytes = ip_bytes(packet.ip);
    packet.segments = 1;
    if (packet.bytes > context->len - ETH_HLEN || !is_sound_fragment(context, &packet))
        return SHOAL_VERDICT_truncated;
    struct shoal_connection* connection = find_followed(&packet);
    if (!connection) return hold_fragment(context, settings, destination_of(packet.ip));
    if (!connection->protocol) return SHOAL_VERDICT_not_balanced;
    if ((__u32)bpf_jiffies64() - connection->seen > FRAGMENT_TIME * settings->hz)
        return hold_fragment(context, settings, destination_of(packet.ip));
    const addresses* of = addresses_of(connection);
    if (!of) return SHOAL_VERDICT_internal;
    return same_address(destination_of(packet.ip), virtual_of(of))
               ? fragment_to_server(context, &packet, connection)
               : fragment_to_client(context, &packet, connection);
}

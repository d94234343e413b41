/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets that keep all their headers: by tunneling, or to the director itself. */

#include "count.h"
#include "next_hop.h"
#include "tunnel.h"

/* What functions of their own return: a verdict and, for packets on their way, the hook's return
 * value. */
#define SENT_SHIFT 8
SHOAL_ASSERT(SHOAL_VERDICT_COUNT < 1 << SENT_SHIFT, "a verdict leaves room");

static __always_inline __u32 with_sent(int verdict, int sent) {
    return verdict | (__u32)sent << SENT_SHIFT;
}

static __always_inline int take_sent(struct packet* packet, __u32 answer) {
    packet->sent = (__s32)answer >> SENT_SHIFT;
    return answer & ((1 << SENT_SHIFT) - 1);
}

/* Whether the packet may go this way: UNDECIDED, or why not. `follows`: it is an ICMP error or a
 * later fragment, whose sender is told nothing (RFC 1122, 3.2.2). */
static __always_inline int check_whole(hook_context* context, struct packet* packet, __u8 method,
                                       const struct shoal_server* server, bool follows) {
    if (method == SHOAL_METHOD_LOCAL) return is_xdp ? SHOAL_VERDICT_passed_up : UNDECIDED;
    if (!server->interface) return SHOAL_VERDICT_no_route;
    if (is_xdp &&
        (!mac_known(server) || !takes(server->interface, packet->bytes + tunnel_overhead(server))))
        return SHOAL_VERDICT_passed_up;
    if (fits(context, packet, server)) return UNDECIDED;
    if (!follows)
        return refuse_too_big(context, packet, server->mtu - tunnel_overhead(server),
                              destination_of(packet->ip));
    packet->sent = ACTION_DROP;
    return SHOAL_VERDICT_too_big;
}

/* A function of its own: its room on the stack and its code would be at the expense of the other
 * methods, and so would that of a `struct packet` whose address it gets. `bytes`: the packet's.
 * Returns what the hook returns. */
static __noinline int encapsulate_and_send(hook_context* context, const struct shoal_server* server,
                                           __u32 index, ip_header* ip, __u32 bytes) {
    struct packet packet = {.ip = ip, .bytes = bytes};
    bool known = mac_known(server);
    struct tunnel gue = {SHOAL_TUNNEL_GUE, server->family};
    struct tunnel gre = {SHOAL_TUNNEL_GRE, server->family};
    struct tunnel ipip = {SHOAL_TUNNEL_IPIP, server->family};
    bool done;
    if (server->tunnel == SHOAL_TUNNEL_GUE)
        done = encapsulate(context, &packet, server, gue);
    else if (server->tunnel == SHOAL_TUNNEL_GRE)
        done = encapsulate(context, &packet, server, gre);
    else
        done = encapsulate(context, &packet, server, ipip);
    return done ? send_to_server(context, server, index, known) : ACTION_DROP;
}

/* A packet that check_whole() has let through; `verdict` where it is sent. */
static __always_inline int send_whole(hook_context* context, struct packet* packet, __u8 method,
                                      const struct shoal_server* server, __u32 index, int verdict) {
    count_in(packet, server->service, index);
    if (method == SHOAL_METHOD_LOCAL) {
        packet->sent = ACTION_PASS;
        bool first = verdict == SHOAL_VERDICT_new_connection || verdict == SHOAL_VERDICT_stateless;
        return first ? verdict : SHOAL_VERDICT_local;
    }
    packet->sent = encapsulate_and_send(context, server, index, packet->ip, packet->bytes);
    return packet->sent == ACTION_DROP ? SHOAL_VERDICT_internal : verdict;
}

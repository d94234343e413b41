/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets that follow a connection without being part of its conversation (tc only): ICMP errors
 * about it, and the later fragments of its datagrams. They are counted, and change neither its
 * state nor its time. */

#include "count.h"
#include "next_hop.h"
#include "rewrite.h"
#include "stateless.h"

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

/* UNDECIDED where it may be sent on. */
static __always_inline int check_way_to_server(const struct packet* packet,
                                               const struct shoal_server* server) {
    if (server_is_gone(server)) return SHOAL_VERDICT_no_connection;
    if (!server->interface) return SHOAL_VERDICT_no_route;
    return packet->ip->ttl <= 1 ? SHOAL_VERDICT_ttl_expired : UNDECIDED;
}

static __always_inline int send_on_to_server(const hook_context* context, struct packet* packet,
                                             const struct shoal_connection* connection,
                                             const struct shoal_server* server) {
    count_in(packet, connection->service, connection->server);
    copy_macs(packet->ethernet, server->mac);
    __u32 difference = 0;
    if (connection->method == SHOAL_METHOD_NAT) {
        difference = address_difference(packet->ip->daddr, connection->real_address);
        packet->ip->daddr = connection->real_address;
    }
    lower_ttl(packet->ip, difference);
    return send_to_server(context, server, mac_known(server));
}

/* UNDECIDED where it may be sent on, by `hop`. */
static __always_inline int check_way_to_client(hook_context* context, const struct packet* packet,
                                               struct shoal_connection* connection,
                                               struct client_hop* hop) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return SHOAL_VERDICT_internal;
    if (packet->ip->ttl <= 1) return SHOAL_VERDICT_ttl_expired;
    hop->epoch = current_epoch(settings, bpf_jiffies64());
    hop->tos = packet->ip->tos;
    if (READ_ONCE(connection->client_epoch) != hop->epoch)
        hop->way = look_up_client(context, connection, hop);
    return hop->way == WAY_NONE ? verdict_without_way(connection) : UNDECIDED;
}

static __always_inline int send_on_to_client(const hook_context* context, struct packet* packet,
                                             const struct shoal_connection* connection,
                                             const struct client_hop* hop) {
    count_out(packet, connection->service, connection->server);
    if (hop->way == WAY_REMEMBERED) copy_macs(packet->ethernet, connection->client_mac);
    __u32 difference = address_difference(packet->ip->saddr, connection->virtual_address);
    packet->ip->saddr = connection->virtual_address;
    lower_ttl(packet->ip, difference);
    return send_to_client(context, connection, hop);
}

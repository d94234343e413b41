/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets that follow a connection without being part of its conversation (tc only): ICMP errors
 * about it, and the later fragments of its datagrams. They are counted, and change neither its
 * state nor its time. */

#include "rewrite.h"
#include "stateless.h"
#include "trace_state.h"
#include "whole.h"

/* UNDECIDED where it may be sent on. */
static __always_inline int check_way_to_server(const struct packet* packet,
                                               const struct shoal_connection* connection,
                                               const struct shoal_server* server) {
    if (server_is_gone(server)) return SHOAL_VERDICT_no_connection;
    if (connection->method == SHOAL_METHOD_LOCAL) return UNDECIDED;
    if (!server->interface) return SHOAL_VERDICT_no_route;
    return ttl_of(packet->ip) <= 1 ? SHOAL_VERDICT_ttl_expired : UNDECIDED;
}

/* `verdict` and what the hook returns, or why it was not sent. */
static __always_inline __u32 send_on_to_server(hook_context* context, struct packet* packet,
                                               const struct shoal_connection* connection,
                                               const struct shoal_server* server, int verdict) {
    if (connection->method > SHOAL_METHOD_DIRECT) {
        int refused = check_whole(context, packet, connection->method, server, true);
        if (refused != UNDECIDED) return with_sent(refused, packet->sent);
        verdict =
            send_whole(context, packet, connection->method, server, connection->server, verdict);
        return with_sent(verdict, packet->sent);
    }
    count_in(packet, connection->service, connection->server);
    note_owner(connection->service, connection->server);
    copy_macs(packet->ethernet, server->mac);
    const addresses* of = addresses_of(connection);
    __u32 difference = 0;
    if (of && connection->method == SHOAL_METHOD_NAT) {
        difference = address_difference(destination_of(packet->ip), real_of(of));
        set_destination(packet->ip, real_of(of));
    }
    lower_ttl(context, packet->ip, difference);
    return with_sent(verdict,
                     send_to_server(context, server, connection->server, mac_known(server)));
}

/* UNDECIDED where it may be sent on, by `hop`. */
static __always_inline int check_way_to_client(hook_context* context, const struct packet* packet,
                                               struct shoal_connection* connection,
                                               struct client_hop* hop) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return SHOAL_VERDICT_internal;
    if (ttl_of(packet->ip) <= 1) return SHOAL_VERDICT_ttl_expired;
    hop->epoch = current_epoch(settings, bpf_jiffies64());
    hop->tos = tos_of(packet->ip);
    if (READ_ONCE(connection->client_epoch) != hop->epoch)
        hop->way = look_up_client(context, connection, hop);
    return hop->way == WAY_NONE ? verdict_without_way(connection) : UNDECIDED;
}

static __always_inline int send_on_to_client(const hook_context* context, struct packet* packet,
                                             const struct shoal_connection* connection,
                                             const struct client_hop* hop) {
    count_out(packet, connection->service, connection->server);
    note_owner(connection->service, connection->server);
    if (hop->way == WAY_REMEMBERED) copy_macs(packet->ethernet, connection->client_mac);
    const addresses* of = addresses_of(connection);
    __u32 difference = 0;
    if (of) {
        difference = address_difference(source_of(packet->ip), virtual_of(of));
        set_source(packet->ip, virtual_of(of));
    }
    lower_ttl(context, packet->ip, difference);
    return send_to_client(context, connection, hop);
}

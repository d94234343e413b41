/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The way of a packet. Both hooks run this; XDP leaves to tc, unmodified, what it does not do
 * itself, and decides so before it changes anything. */

#include "address_filter.h"
#include "apart.h"
#include "connection_state.h"
#include "count.h"
#include "ftp_data.h"
#include "hand_over.h"
#include "reclaim.h"
#include "rewrite.h"
#include "steady.h"
#include "trace.h"
#include "whole.h"

struct moment {
    const struct shoal_settings* settings;
    __u64 jiffies;
};

/* ---- From a client ----------------------------------------------------------------------------*/

/* Whether a connection found in the table is over: its real server was removed, or a new one of the
 * same ports begins. */
static __always_inline bool is_over(const struct shoal_connection* connection,
                                    const struct shoal_server* server,
                                    const struct packet* packet) {
    if (server_is_gone(server)) return true;
    return connection->protocol == IPPROTO_TCP && tcp_renews(packet->tcp_flags) &&
           begins_anew(connection);
}

/* By NAT or direct routing: whether the packet may go to the real server; UNDECIDED, or why not. */
static __always_inline int check_way(hook_context* context, struct packet* packet,
                                     const struct shoal_server* server) {
    if (!server->interface) return SHOAL_VERDICT_no_route;
    if (is_xdp) return can_send(packet, server) ? UNDECIDED : SHOAL_VERDICT_passed_up;
    if (within(wire_bytes(context, packet), server->mtu)) return UNDECIDED;
    return refuse_too_big(context, packet, server->mtu, destination_of(packet->ip));
}

/* The first packet of a connection by tunneling, or to the director itself. */
static __always_inline int send_first_whole(hook_context* context, struct packet* packet,
                                            const struct shoal_connection* connection,
                                            const struct shoal_server* server, int verdict) {
    int refused = check_whole(context, packet, connection->method, server, false);
    if (refused != UNDECIDED) return refused;
    expect_fragments(packet, connection);
    return send_whole(context, packet, connection->method, server, connection->server, verdict);
}

static __always_inline int forward(hook_context* context, struct packet* packet,
                                   const struct shoal_connection* connection,
                                   const struct shoal_server* server) {
    bool known = mac_known(server);
    expect_fragments(packet, connection);
    count_in(packet, connection->service, connection->server);
    copy_macs(packet->ethernet, server->mac);
    if (connection->method == SHOAL_METHOD_NAT)
        translate_to_server(context, packet, connection);
    else
        lower_ttl(context, packet->ip, 0);
    packet->sent = send_to_server(context, server, connection->server, known);
    return SHOAL_VERDICT_forwarded;
}

static __always_inline int forward_known(hook_context* context, struct packet* packet,
                                         struct shoal_connection* connection,
                                         const struct shoal_server* server,
                                         const struct moment* now) {
    if (ttl_of(packet->ip) <= 1 && connection->method != SHOAL_METHOD_LOCAL)
        return exceed_ttl(context, packet, destination_of(packet->ip));
    int refused = connection->method > SHOAL_METHOD_DIRECT
                      ? check_whole(context, packet, connection->method, server, false)
                      : check_way(context, packet, server);
    if (refused != UNDECIDED) return refused;
    update_connection(connection, packet, false, now->jiffies, now->settings);
    if (READ_ONCE(connection->method) <= SHOAL_METHOD_DIRECT)
        return forward(context, packet, connection, server);
    expect_fragments(packet, connection);
    return send_whole(context, packet, connection->method, server, connection->server,
                      SHOAL_VERDICT_forwarded);
}

/* One-packet scheduling: the datagram goes to its real server and leaves nothing behind. */
static __always_inline int forward_alone(hook_context* context, struct packet* packet,
                                         const struct opening* opening) {
    const struct shoal_server* server = get_server(opening->server);
    if (!server) return SHOAL_VERDICT_internal;
    bool known = mac_known(server);
    bool whole = opening->method > SHOAL_METHOD_DIRECT;
    int refused = whole ? check_whole(context, packet, opening->method, server, false)
                        : check_way(context, packet, server);
    if (refused != UNDECIDED) return refused;
    expect_fragments_alone(packet, opening);
    count_connection(opening->service, opening->server);
    if (whole)
        return send_whole(context, packet, opening->method, server, opening->server,
                          SHOAL_VERDICT_new_connection);
    count_in(packet, opening->service, opening->server);
    copy_macs(packet->ethernet, server->mac);
    struct translation change = {opening->flow.other_address, opening->real_address,
                                 opening->flow.other_port, opening->real_port};
    if (opening->method == SHOAL_METHOD_NAT)
        translate_destination(context, packet, opening->flow.protocol, &change);
    else
        lower_ttl(context, packet->ip, 0);
    packet->sent = send_to_server(context, server, opening->server, known);
    return SHOAL_VERDICT_new_connection;
}

static __always_inline int forward_first(hook_context* context, struct packet* packet,
                                         const struct flow* flow, bool replaces,
                                         const struct moment* now) {
    struct arrival* arrival = get_arrival();
    if (!arrival) return SHOAL_VERDICT_internal;
    __builtin_memset(arrival, 0, sizeof(*arrival));
    struct opening* opening = &arrival->opening;
    opening->flow = *flow;
    opening->now = now->jiffies;
    opening->client_interface = ingress_device(context);
    opening->client_epoch = current_epoch(now->settings, now->jiffies) + EPOCH_NEVER;
    arrival->opens = opening->flow.protocol != IPPROTO_TCP || tcp_opens(packet->tcp_flags);
    arrival->ends = !arrival->opens && packet->tcp_flags & (TCP_FIN | TCP_RST);
    arrival->ttl_expired = ttl_of(packet->ip) <= 1;
    arrival->replaces = replaces;
    __u32 cell = accept(arrival);
    int verdict = arrival->verdict;
    if (cells_are_scarce()) reclaim(opening->now, verdict == SHOAL_VERDICT_table_full);
    if (arrival->alone) return forward_alone(context, packet, opening);
    if (verdict == SHOAL_VERDICT_ttl_expired)
        return exceed_ttl(context, packet, destination_of(packet->ip));
    if (!cell && verdict != SHOAL_VERDICT_stateless) return verdict;
    const struct shoal_connection* connection = cell ? get_connection(cell) : get_passing_flow();
    if (!connection) return SHOAL_VERDICT_internal;

    const struct shoal_server* server = get_server(connection->server);
    if (!server) return SHOAL_VERDICT_internal;
    int done = cell ? SHOAL_VERDICT_new_connection : SHOAL_VERDICT_stateless;
    if (connection->method > SHOAL_METHOD_DIRECT)
        return send_first_whole(context, packet, connection, server, done);
    /* The connection is made; where XDP cannot send its first packet, tc will find it. */
    int refused = check_way(context, packet, server);
    if (refused != UNDECIDED) return refused;
    forward(context, packet, connection, server);
    return done;
}

static __always_inline int from_client(hook_context* context, struct packet* packet,
                                       struct shoal_connection* connection, const struct flow* flow,
                                       const struct moment* now) {
    if (connection) {
        const struct shoal_server* server = get_server(connection->server);
        if (!server) return SHOAL_VERDICT_internal;
        if (!is_over(connection, server, packet))
            return forward_known(context, packet, connection, server, now);
        bool starts = connection->protocol != IPPROTO_TCP || tcp_renews(packet->tcp_flags);
        if (!starts) {
            if (is_xdp) return SHOAL_VERDICT_passed_up;
            end_connection(connection, READ_ONCE(connection->word));
            return SHOAL_VERDICT_server_gone;
        }
    }
    return forward_first(context, packet, flow, connection != NULL, now);
}

/* ---- From a real server -----------------------------------------------------------------------*/

static __always_inline int from_server(hook_context* context, struct packet* packet,
                                       struct shoal_connection* connection,
                                       const struct moment* now) {
    const addresses* of = addresses_of(connection);
    if (!of) return SHOAL_VERDICT_internal;
    if (ttl_of(packet->ip) <= 1) return exceed_ttl(context, packet, virtual_of(of));
    struct client_hop hop = {.epoch = current_epoch(now->settings, now->jiffies),
                             .length = is_xdp ? packet->bytes : 0,
                             .tos = tos_of(packet->ip),
                             .way = WAY_REMEMBERED};
    if (READ_ONCE(connection->client_epoch) != hop.epoch)
        hop.way = look_up_client(context, connection, &hop);
    if (is_xdp && hop.way != WAY_REMEMBERED) return SHOAL_VERDICT_passed_up;
    if (!takes(connection->client_interface, packet->bytes)) return SHOAL_VERDICT_passed_up;
    if (hop.way == WAY_NONE) return verdict_without_way(connection);
    __u32 bytes = wire_bytes(context, packet);
    if (hop.way == WAY_REMEMBERED && bytes > LEAST_MTU) {
        __u32 mtu = get_mtu(context, connection->client_interface);
        if (!within(bytes, mtu)) return refuse_too_big(context, packet, mtu, virtual_of(of));
    }
    update_connection(connection, packet, true, now->jiffies, now->settings);
    expect_fragments(packet, connection);
    count_out(packet, connection->service, connection->server);
    if (hop.way == WAY_REMEMBERED) copy_macs(packet->ethernet, connection->client_mac);
    translate_to_client(context, packet, connection);
    packet->sent = send_to_client(context, connection, &hop);
    return is_passing(connection) ? SHOAL_VERDICT_stateless_reply : SHOAL_VERDICT_replied;
}

/* A real server's packet of no connection in the table. Returns the cell of the one it opens, 0
 * where the table is full, or NOT_ASKED_FOR. */
static __always_inline int open_for_server(const struct packet* packet, const struct flow* reply,
                                           const struct moment* now) {
    if (is_xdp || is_first_fragment(packet) || ttl_of(packet->ip) <= 1 ||
        !is_ftp_data(packet, reply))
        return NOT_ASKED_FOR;
    if (now->settings->draining) return NOT_ASKED_FOR;
    __u32 epoch = current_epoch(now->settings, now->jiffies) + EPOCH_NEVER;
    return open_data_connection(reply, now->jiffies, epoch);
}

/* ---- Every packet -----------------------------------------------------------------------------*/

static __always_inline struct flow flow_of(const struct packet* packet, bool reply) {
    const ip_header* ip = packet->ip;
    struct flow flow = {.client_address = reply ? destination_of(ip) : source_of(ip),
                        .other_address = reply ? source_of(ip) : destination_of(ip),
                        .client_port = reply ? packet->destination_port : packet->source_port,
                        .other_port = reply ? packet->source_port : packet->destination_port,
                        .protocol = protocol_of(packet),
                        .reply = reply};
    flow.hash = packet_hash(flow.client_address, flow.client_port, flow.protocol);
    return flow;
}

/* Makes a client's flow the one of the same packet as a real server's. Rare, and so out of the way.
 */
static __noinline void turn(struct flow* flow) {
    ip_address address = flow->client_address;
    __be16 port = flow->client_port;
    flow->client_address = flow->other_address;
    flow->client_port = flow->other_port;
    flow->other_address = address;
    flow->other_port = port;
    flow->reply = true;
    flow->hash = packet_hash(flow->client_address, flow->client_port, flow->protocol);
}

/* Looks the filter up again: its pointer is not worth the stack that keeping it takes. */
static __always_inline bool may_be_reply(ip_address source) {
    const struct shoal_address_filter* filter = bpf_map_lookup_elem(&address_filter, &first_key);
    return filter && in_filter(filter->real_bits, source);
}

/* Most packets by far: a client's, of a connection in its first bucket, which they leave in its
 * state. balance() would do the same, but there the rare ways have nearly all of the registers; and
 * XDP asks nobody else. UNDECIDED where the packet is none of these, and then nothing is changed.
 */
static __always_inline int go_on_steadily(hook_context* context, struct packet* arrived) {
    struct packet packet = *arrived;
    if (parse_transport(context, &packet) != UNDECIDED || ttl_of(packet.ip) <= 1) return UNDECIDED;
    struct shoal_connection* connection = find_at_home(&packet);
    if (!connection || !leaves_state(connection, &packet)) return UNDECIDED;
    const struct shoal_server* server = get_server(connection->server);
    if (!server || server_is_gone(server)) return UNDECIDED;
    __u8 method = READ_ONCE(connection->method);
    bool tunnel = method == SHOAL_METHOD_TUNNEL && is_plain_tunnel(server);
    if (method > SHOAL_METHOD_DIRECT && !tunnel) return UNDECIDED;
    __u32 bytes = packet.bytes + (tunnel ? overhead_of(plain_tunnel) : 0);
    if (!server->interface || !can_send_bytes(bytes, server)) return UNDECIDED;
    const struct shoal_settings* settings = get_settings();
    if (!settings) return UNDECIDED;
    touch_connection(connection, bpf_jiffies64(), settings);
    count_in(&packet, connection->service, connection->server);
    if (tunnel) {
        if (!encapsulate(context, &packet, server, plain_tunnel)) return SHOAL_VERDICT_internal;
    } else {
        copy_macs(packet.ethernet, server->mac);
        if (method == SHOAL_METHOD_NAT)
            translate_to_server(context, &packet, connection);
        else
            lower_ttl(context, packet.ip, 0);
    }
    arrived->sent = redirect(context, server->interface);
    return SHOAL_VERDICT_forwarded;
}

static __always_inline int balance(hook_context* context, struct packet* packet) {
    int verdict = parse_addresses(context, packet);
    if (verdict == OTHER_FAMILY) return hand_over(context);
    if (verdict != UNDECIDED) return verdict;
    const struct shoal_address_filter* filter = bpf_map_lookup_elem(&address_filter, &first_key);
    if (!filter) return SHOAL_VERDICT_internal;
    bool to_virtual = in_filter(filter->virtual_bits, destination_of(packet->ip));
    if (!to_virtual && !in_filter(filter->real_bits, source_of(packet->ip)))
        return leave_foreign(context, packet);

    if (!is_for_us(context, packet)) return SHOAL_VERDICT_passed_up;
    if (is_xdp && to_virtual) {
        verdict = go_on_steadily(context, packet);
        if (verdict != UNDECIDED) return verdict;
    }
    verdict = parse_transport(context, packet);
    if (verdict != UNDECIDED) return go_apart(context, packet, verdict);
    if (is_xdp && ttl_of(packet->ip) <= 1) return SHOAL_VERDICT_passed_up;
    struct moment now = {get_settings(), bpf_jiffies64()};
    if (!now.settings) return SHOAL_VERDICT_internal;
    struct shoal_connection* connection;
    struct flow flow;
    if (to_virtual) {
        flow = flow_of(packet, false);
        connection = find_connection(&flow);
        verdict = from_client(context, packet, connection, &flow, &now);
        /* Addresses share filter bits: it may be a reply to a client who shares a virtual
         * server's. */
        if (verdict != SHOAL_VERDICT_no_service || !may_be_reply(source_of(packet->ip)))
            return verdict;
        turn(&flow);
        connection = get_connection(find_again(&flow));
        if (connection && !is_of_flow(connection, &flow)) connection = NULL;
    } else {
        verdict = SHOAL_VERDICT_not_ours;
        flow = flow_of(packet, true);
        connection = find_connection(&flow);
    }
    if (!connection) {
        int cell = open_for_server(packet, &flow, &now);
        if (cell == NOT_ASKED_FOR) {
            if (!answers_statelessly(&flow)) return verdict;
            connection = get_passing_flow();
            if (!connection) return verdict;
        } else {
            connection = get_connection(cell);
            if (!cell || !connection) return SHOAL_VERDICT_table_full;
        }
    }
    return from_server(context, packet, connection, &now);
}

static __always_inline int action_of(int verdict, int sent) {
    if (is_sent(verdict)) return sent;
    switch (verdict) {
        case SHOAL_VERDICT_denied:
        case SHOAL_VERDICT_no_server:
        case SHOAL_VERDICT_no_route:
        case SHOAL_VERDICT_table_full:
        case SHOAL_VERDICT_early_fragment:
        case SHOAL_VERDICT_truncated:
        case SHOAL_VERDICT_ttl_expired:
        case SHOAL_VERDICT_martian:
        case SHOAL_VERDICT_internal:
            return ACTION_DROP;
        default:
            return ACTION_PASS;
    }
}

static __always_inline int direct(hook_context* context) {
    struct packet packet = {};
    if (tracing()) note_arrival(context);
    int verdict = balance(context, &packet);
    int action = action_of(verdict, packet.sent);
    if (action == ACTION_PASS) leave_fragments(context, verdict);
    /* tc sees the packet again and names its verdict. */
    if (is_xdp && action == ACTION_PASS) verdict = SHOAL_VERDICT_passed_up;
    if (tracing()) trace_packet(context, verdict);
    count_verdict(verdict);
    return action;
}

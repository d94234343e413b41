/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMP errors about balanced connections (tc only). From the clients' side they come to the virtual
 * server, about what it seems to have sent; from the real servers' side, about what the client sent
 * as it was translated. As in IPVS the outer address and the quoted packet are translated, and
 * whoever made the error, the client sees the virtual server. */

#include "accept.h"
#include "follow.h"
#include "icmp_reply.h"

/* Of the quoted transport header only as much is sure to be there (RFC 792). */
#define QUOTED_TRANSPORT 8

struct icmp_error {
    struct icmp_header* icmp;
    ip_header* ip;        /* quoted */
    struct udphdr* ports; /* quoted; as in TCP */
    __u8 protocol;        /* of the quoted packet */
    bool has_tcp_checksum;
};

enum error_kind { ERROR_OTHER, ERROR_MALFORMED, ERROR_USABLE };

/* Adjusts a checksum of the quoted packet; returns what that adds to the sum around it. */
static __always_inline __u32 adjust_quoted(__u16* checksum, __u32 difference, bool udp) {
    __u16 old = *checksum;
    if (udp && !old) return 0;
    __u16 adjusted = adjust_checksum(old, difference);
    if (udp && !adjusted) adjusted = 0xffff;
    *checksum = adjusted;
    return port_difference(old, adjusted);
}

#if defined(FAMILY_6)
#include "icmp_v6.h"
#else
#include "icmp_v4.h"
#endif

/* Three steps, each a function of its own: none has the stack to hold what another knows. */

/* Out: the flow of the packet that an error is about, as if it was the virtual server's. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct flow);
} OF_FAMILY(quoted_flow) SEC(".maps");

static __always_inline struct flow* get_quoted_flow(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&OF_FAMILY(quoted_flow), &zero);
}

SLOW_PATH int look_at_error(hook_context* context) {
    struct packet packet = {};
    struct icmp_error error = {};
    struct flow* flow = get_quoted_flow();
    if (!flow) return ERROR_OTHER;
    enum error_kind kind = parse_error(context, &packet, &error);
    if (kind != ERROR_USABLE) return kind;
    flow->client_address = destination_of(error.ip);
    flow->other_address = source_of(error.ip);
    flow->client_port = error.ports->dest;
    flow->other_port = error.ports->source;
    flow->protocol = error.protocol;
    flow->reply = false;
    return kind;
}

/* Whether a client's flow that has no record may be served without one; the passing flow then
 * stands for it. For what is not of the flow, but about it. */
SLOW_PATH bool passes_statelessly(const struct flow* flow) {
    struct arrival* arrival = get_arrival();
    if (!flow || !arrival || is_draining()) return false;
    struct opening* opening = &arrival->opening;
    __builtin_memset(arrival, 0, sizeof(*arrival));
    opening->flow = *flow;
    opening->now = bpf_jiffies64();
    int index = find_service(&opening->flow, opening->now);
    const struct shoal_service* service = index < 0 ? NULL : get_service(index);
    if (!service || !lately_stateless(shoal_stateless_entry(index))) return false;
    opening->service = index;
    __u32 cell = service->persistence_timeout ? find_template(opening, service) : 0;
    const struct shoal_connection* template = cell ? get_connection(cell) : NULL;
    int verdict = template ? use_server(opening, service, template->server)
                           : schedule(opening, service, true);
    if (verdict != SHOAL_VERDICT_new_connection || !needs_no_record(opening)) return false;
    fill_passing_flow(opening);
    return true;
}

/* What find_quoted() returns where the passing flow stands for a connection; no cell. */
#define PASSING_FLOW 0xffffffffU

/* The cell of the connection that the quoted packet is of, or 0. */
SLOW_PATH __u32 find_quoted(struct flow* flow) {
    const struct shoal_settings* settings = get_settings();
    if (!flow || !settings) return 0;
    flow->hash = flow_hash(settings, flow->client_address, flow->client_port, flow->protocol);
    __u32 cell = find_again(flow);
    const struct shoal_connection* connection = get_connection(cell);
    if (cell && connection && is_of_flow(connection, flow)) return cell;
    bool stateless = flow->reply ? answers_statelessly(flow) : passes_statelessly(flow);
    return stateless ? PASSING_FLOW : 0;
}

/* The quoted packet is the client's, and its sender is told by a real server. */
static __always_inline void turn_quoted(struct flow* flow) {
    ip_address address = flow->client_address;
    __be16 port = flow->client_port;
    flow->client_address = flow->other_address;
    flow->client_port = flow->other_port;
    flow->other_address = address;
    flow->other_port = port;
    flow->reply = true;
}

SLOW_PATH __u32 error_to_server(hook_context* context, const struct shoal_connection* connection) {
    struct packet packet = {};
    struct icmp_error error = {};
    if (!connection || parse_error(context, &packet, &error) != ERROR_USABLE)
        return SHOAL_VERDICT_internal;
    const struct shoal_server* server = get_server(connection->server);
    const addresses* of = addresses_of(connection);
    if (!server || !of) return SHOAL_VERDICT_internal;
    int verdict = check_way_to_server(&packet, connection, server);
    if (verdict != UNDECIDED) return verdict;
    if (connection->method == SHOAL_METHOD_NAT) {
        struct translation change = {virtual_of(of), real_of(of), connection->virtual_port,
                                     connection->real_port};
        set_source(error.ip, change.new_address);
        error.ports->source = change.new_port;
        translate_quoted(&packet, &error, &change);
        cover_outer(context, &error, address_difference(destination_of(packet.ip), real_of(of)));
    }
    return send_on_to_server(context, &packet, connection, server, SHOAL_VERDICT_icmp_to_server);
}

SLOW_PATH __u32 error_to_client(hook_context* context, struct shoal_connection* connection) {
    struct packet packet = {};
    struct icmp_error error = {};
    struct client_hop hop = {.way = WAY_REMEMBERED};
    if (!connection || parse_error(context, &packet, &error) != ERROR_USABLE)
        return SHOAL_VERDICT_internal;
    const addresses* of = addresses_of(connection);
    if (!of) return SHOAL_VERDICT_internal;
    if (says_unreachable(error.icmp))
        signal_trouble(connection->server, connection->service, SHOAL_SIGNAL_UNREACHABLE);
    int verdict = check_way_to_client(context, &packet, connection, &hop);
    if (verdict != UNDECIDED) return verdict;
    struct translation change = {real_of(of), virtual_of(of), connection->real_port,
                                 connection->virtual_port};
    set_destination(error.ip, change.new_address);
    error.ports->dest = change.new_port;
    translate_quoted(&packet, &error, &change);
    cover_outer(context, &error, address_difference(source_of(packet.ip), virtual_of(of)));
    return with_sent(SHOAL_VERDICT_icmp_to_client,
                     send_on_to_client(context, &packet, connection, &hop));
}

static __always_inline struct shoal_connection* connection_found(__u32 cell) {
    if (cell == PASSING_FLOW) return get_passing_flow();
    return cell ? get_connection(cell) : NULL;
}

/* Any ICMP packet; `otherwise` is the verdict on what concerns no connection here. */
SLOW_PATH __u32 follow_error(hook_context* context, __u32 otherwise) {
    switch (look_at_error(context)) {
        case ERROR_MALFORMED:
            return otherwise == SHOAL_VERDICT_foreign ? otherwise : SHOAL_VERDICT_icmp_malformed;
        case ERROR_USABLE:
            break;
        default:
            return otherwise;
    }
    struct flow* flow = get_quoted_flow();
    if (!flow) return otherwise;
    struct shoal_connection* connection = connection_found(find_quoted(flow));
    if (connection) return error_to_server(context, connection);
    turn_quoted(flow);
    connection = connection_found(find_quoted(flow));
    return connection ? error_to_client(context, connection) : otherwise;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMP errors about balanced connections (tc only). From the clients' side they come to the virtual
 * server, about what it seems to have sent; from the real servers' side, about what the client sent
 * as it was translated. As in IPVS the outer address and the quoted packet are translated, and
 * whoever made the error, the client sees the virtual server. */

#include "accept.h"
#include "follow.h"
#include "icmp_reply.h"

/* Ethernet, both IP headers with all options, ICMP, and of the quoted transport header as much as
 * holds a TCP checksum; only its first eight bytes are sure to be there (RFC 792). */
#define LONGEST_ERROR (ETH_HLEN + 60 + (int)sizeof(struct icmp_header) + 60 + 20)
#define QUOTED_TRANSPORT 8

struct icmp_error {
    struct icmp_header* icmp;
    struct iphdr* ip;     /* quoted */
    struct udphdr* ports; /* quoted; as in TCP */
    bool has_tcp_checksum;
};

static __always_inline void load_error(hook_context* context, struct packet* packet) {
    __u32 wanted = context->len < LONGEST_ERROR ? context->len : LONGEST_ERROR;
    packet->ethernet = (void*)(long)context->data;
    packet->end = (void*)(long)context->data_end;
    if ((__u32)(packet->end - (void*)packet->ethernet) < wanted) {
        bpf_skb_pull_data(context, wanted);
        packet->ethernet = (void*)(long)context->data;
        packet->end = (void*)(long)context->data_end;
    }
    packet->ip = (void*)(packet->ethernet + 1);
}

static __always_inline bool is_error(const struct icmp_header* icmp) {
    return icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_SOURCE_QUENCH ||
           icmp->type == ICMP_TIME_EXCEEDED || icmp->type == ICMP_PARAMETER_PROBLEM;
}

enum error_kind { ERROR_OTHER, ERROR_MALFORMED, ERROR_USABLE };

/* The quoted packet; what is no TCP or UDP, or no beginning of it, is somebody else's. */
static __always_inline enum error_kind parse_quoted(const struct packet* packet, __u32 room,
                                                    struct icmp_error* error) {
    struct iphdr* ip = (void*)(error->icmp + 1);
    if ((void*)(ip + 1) > packet->end || room < sizeof(*ip) || ip->version != 4 || ip->ihl < 5)
        return ERROR_MALFORMED;
    if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) return ERROR_OTHER;
    if (ip->frag_off & bpf_htons(FRAGMENT_OFFSET)) return ERROR_OTHER;
    __u32 header_bytes = ip->ihl * 4;
    void* ports = (void*)ip + header_bytes;
    if (ports + QUOTED_TRANSPORT > packet->end || room < header_bytes + QUOTED_TRANSPORT)
        return ERROR_MALFORMED;
    error->ip = ip;
    error->ports = ports;
    error->has_tcp_checksum = ip->protocol == IPPROTO_TCP &&
                              room >= header_bytes + offsetof(struct tcphdr, check) + sizeof(__u16);
    /* RFC 1122, 3.2.2: an error goes to who sent the packet that it is about. */
    return ip->saddr == packet->ip->daddr ? ERROR_USABLE : ERROR_OTHER;
}

static __always_inline enum error_kind parse_error(hook_context* context, struct packet* packet,
                                                   struct icmp_error* error) {
    const struct iphdr* ip = packet->ip;
    if ((void*)(ip + 1) > packet->end || ip->version != 4 || ip->ihl < 5) return ERROR_MALFORMED;
    if (ip->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET)) return ERROR_OTHER;
    packet->header_bytes = ip->ihl * 4;
    packet->bytes = bpf_ntohs(ip->tot_len);
    packet->segments = 1;
    error->icmp = (void*)ip + packet->header_bytes;
    __u32 headers = packet->header_bytes + sizeof(*error->icmp);
    if ((void*)(error->icmp + 1) > packet->end || packet->bytes < headers ||
        packet->bytes > context->len - ETH_HLEN)
        return ERROR_MALFORMED;
    return is_error(error->icmp) ? parse_quoted(packet, packet->bytes - headers, error)
                                 : ERROR_OTHER;
}

/* Adjusts a checksum of the quoted packet; returns what that adds to the sum around it. */
static __always_inline __u32 adjust_quoted(__u16* checksum, __u32 difference, bool udp) {
    __u16 old = *checksum;
    if (udp && !old) return 0;
    __u16 adjusted = adjust_checksum(old, difference);
    if (udp && !adjusted) adjusted = 0xffff;
    *checksum = adjusted;
    return port_difference(old, adjusted);
}

/* An address and the sum over its header change by opposite amounts, so that the ICMP checksum
 * learns of the ports and their checksum alone. */
static __always_inline void translate_quoted(const struct packet* packet, struct icmp_error* error,
                                             const struct translation* change) {
    __u32 addresses = address_difference(change->old_address, change->new_address);
    __u32 ports = port_difference(change->old_port, change->new_port);
    __u32 around = ports;
    error->ip->check = adjust_checksum(error->ip->check, addresses);
    if (error->ip->protocol == IPPROTO_UDP) {
        around += adjust_quoted(&error->ports->check, addresses + ports, true);
    } else if (error->has_tcp_checksum) {
        __u16* checksum = (void*)error->ports + offsetof(struct tcphdr, check);
        if ((void*)(checksum + 1) <= packet->end)
            around += adjust_quoted(checksum, addresses + ports, false);
    }
    error->icmp->checksum = adjust_checksum(error->icmp->checksum, around);
}

static __always_inline __u32 error_to_server(hook_context* context, struct packet* packet,
                                             struct icmp_error* error,
                                             const struct shoal_connection* connection) {
    const struct shoal_server* server = get_server(connection->server);
    if (!server) return SHOAL_VERDICT_internal;
    int verdict = check_way_to_server(packet, connection, server);
    if (verdict != UNDECIDED) return verdict;
    if (connection->method == SHOAL_METHOD_NAT) {
        struct translation change = {connection->virtual_address, connection->real_address,
                                     connection->virtual_port, connection->real_port};
        error->ip->saddr = change.new_address;
        error->ports->source = change.new_port;
        translate_quoted(packet, error, &change);
    }
    return send_on_to_server(context, packet, connection, server, SHOAL_VERDICT_icmp_to_server);
}

static __always_inline __u32 error_to_client(hook_context* context, struct packet* packet,
                                             struct icmp_error* error,
                                             struct shoal_connection* connection) {
    struct client_hop hop = {.way = WAY_REMEMBERED};
    int verdict = check_way_to_client(context, packet, connection, &hop);
    if (verdict != UNDECIDED) return verdict;
    struct translation change = {connection->real_address, connection->virtual_address,
                                 connection->real_port, connection->virtual_port};
    error->ip->daddr = change.new_address;
    error->ports->dest = change.new_port;
    translate_quoted(packet, error, &change);
    return with_sent(SHOAL_VERDICT_icmp_to_client,
                     send_on_to_client(context, packet, connection, &hop));
}

/* Whether a client's flow that has no record may be served without one; the passing flow then
 * stands for it. For what is not of the flow, but about it. */
SLOW_PATH bool passes_statelessly(const struct flow* flow) {
    struct arrival* arrival = get_arrival();
    if (!flow || !arrival) return false;
    struct opening* opening = &arrival->opening;
    __builtin_memset(arrival, 0, sizeof(*arrival));
    opening->flow = *flow;
    opening->now = bpf_jiffies64();
    int index = find_service(&opening->flow, opening->now);
    const struct shoal_service* service = index < 0 ? NULL : get_service(index);
    if (!service || !lately_stateless(index)) return false;
    opening->service = index;
    __u32 cell = service->persistence_timeout ? find_template(opening, service) : 0;
    const struct shoal_connection* template = cell ? get_connection(cell) : NULL;
    int verdict = template ? use_server(opening, service, template->server)
                           : schedule(opening, service, true);
    if (verdict != SHOAL_VERDICT_new_connection || !needs_no_record(opening)) return false;
    fill_passing_flow(opening);
    return true;
}

/* The connection that the quoted packet is of, or what stands for one: `reply` where it was the
 * client's, and its sender is told by a real server. */
static __always_inline struct shoal_connection* find_quoted(const struct icmp_error* error,
                                                            bool reply) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return NULL;
    const struct iphdr* ip = error->ip;
    const struct udphdr* ports = error->ports;
    struct flow flow = {.client_address = reply ? ip->saddr : ip->daddr,
                        .other_address = reply ? ip->daddr : ip->saddr,
                        .client_port = reply ? ports->source : ports->dest,
                        .other_port = reply ? ports->dest : ports->source,
                        .protocol = ip->protocol,
                        .reply = reply};
    flow.hash = flow_hash(settings, flow.client_address, flow.client_port, flow.protocol);
    struct shoal_connection* connection = get_connection(find_again(&flow));
    if (connection && is_of_flow(connection, &flow)) return connection;
    bool stateless = reply ? answers_statelessly(&flow) : passes_statelessly(&flow);
    return stateless ? get_passing_flow() : NULL;
}

/* Any ICMP packet; `otherwise` is the verdict on what concerns no connection here. */
SLOW_PATH __u32 follow_error(hook_context* context, __u32 otherwise) {
    struct packet packet = {};
    struct icmp_error error = {};
    load_error(context, &packet);
    switch (parse_error(context, &packet, &error)) {
        case ERROR_OTHER:
            return otherwise;
        case ERROR_MALFORMED:
            return otherwise == SHOAL_VERDICT_foreign ? otherwise : SHOAL_VERDICT_icmp_malformed;
        case ERROR_USABLE:
            break;
    }
    struct shoal_connection* connection = find_quoted(&error, false);
    if (connection) return error_to_server(context, &packet, &error, connection);
    connection = find_quoted(&error, true);
    return connection ? error_to_client(context, &packet, &error, connection) : otherwise;
}

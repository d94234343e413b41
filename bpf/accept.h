/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The first packet of a connection: is there a virtual server, who serves it, is there room. */

#include "insert.h"
#include "next_hop.h"
#include "schedule.h"

struct arrival {
    struct opening opening;
    int verdict; /* out: SHOAL_VERDICT_new_connection or why there is none */
    bool opens;  /* a datagram, or a SYN */
    bool first_fragment;
    bool ttl_expired;
    bool zero; /* no holes */
};

static __always_inline const __u32* find_service(const struct flow* flow) {
    struct shoal_service_key key = {.address = {flow->other_address},
                                    .port = flow->other_port,
                                    .protocol = flow->protocol,
                                    .family = 4};
    return bpf_map_lookup_elem(&services, &key);
}

static __always_inline int choose_server(struct arrival* arrival) {
    const __u32* service = find_service(&arrival->opening.flow);
    if (!service) return SHOAL_VERDICT_no_service;
    if (arrival->first_fragment) return SHOAL_VERDICT_fragment;
    if (!arrival->opens) return SHOAL_VERDICT_no_connection;
    if (arrival->ttl_expired) return SHOAL_VERDICT_ttl_expired;
    arrival->opening.service = *service;
    int index = pick_server(*service);
    if (index < 0) return SHOAL_VERDICT_no_server;
    const struct shoal_server* server = get_server(index);
    if (!server) return SHOAL_VERDICT_internal;
    if (server->method == SHOAL_METHOD_TUNNEL) return SHOAL_VERDICT_no_tunnel;
    if (!server->interface) return SHOAL_VERDICT_no_route;
    arrival->opening.server = index;
    arrival->opening.real_address = server->address[0];
    arrival->opening.real_port = server->port;
    arrival->opening.method = server->method;
    return SHOAL_VERDICT_new_connection;
}

/* Returns the cell of the connection to use, or 0. */
SLOW_PATH __u32 accept(struct arrival* arrival) {
    if (!arrival) return 0;
    arrival->verdict = choose_server(arrival);
    if (arrival->verdict != SHOAL_VERDICT_new_connection) return 0;
    __u32 cell = open_connection(&arrival->opening);
    if (!cell) arrival->verdict = SHOAL_VERDICT_table_full;
    return cell;
}

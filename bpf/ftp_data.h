/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Active FTP behind network address translation: the real server connects from its port 20 to a
 * client that has a control connection with it; the client sees the virtual server's port 20. */

#include "accept.h"

static __always_inline bool is_ftp_data(const struct packet* packet, const struct flow* reply) {
    const __u8 awaited = TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN;
    return reply->protocol == IPPROTO_TCP && reply->other_port == bpf_htons(FTP_DATA_PORT) &&
           (packet->tcp_flags & awaited) == TCP_SYN;
}

#define NOT_ASKED_FOR (-1)

/* The cell; 0: the table is full; or NOT_ASKED_FOR. */
SLOW_PATH int open_data_connection(const struct flow* reply, __u32 now, __u32 client_epoch) {
    struct arrival* arrival = get_arrival();
    if (!reply || !arrival) return NOT_ASKED_FOR;
    struct shoal_ftp_key key = {};
    widen(key.client_address, reply->client_address);
    widen(key.real_address, reply->other_address);
    const struct shoal_ftp_control* control = bpf_map_lookup_elem(&ftp_controls, &key);
    if (!control) return NOT_ASKED_FOR;
    __u32 connections = READ_ONCE(control->connections);
    if (!connections || is_deleted(connections)) return NOT_ASKED_FOR;
    const struct shoal_service* service = get_service(control->service);
    if (!service) return NOT_ASKED_FOR;
    struct opening* opening = &arrival->opening;
    __builtin_memset(opening, 0, sizeof(*opening));
    opening->flow = *reply;
    opening->flow.other_address = narrow(control->virtual_address);
    opening->flow.reply = false;
    opening->service = control->service;
    opening->server = control->server;
    opening->real_address = reply->other_address;
    opening->now = now;
    opening->client_interface = control->client_interface;
    opening->real_port = reply->other_port;
    opening->client_epoch = client_epoch;
    opening->load_epoch = service->load_epoch;
    opening->method = SHOAL_METHOD_NAT;
    opening->state = SHOAL_STATE_SYN_SENT;
    return count_opened(opening, open_connection(opening));
}

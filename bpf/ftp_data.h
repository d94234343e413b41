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
    if (!reply) return NOT_ASKED_FOR;
    struct shoal_ftp_key key = ftp_key(reply->client_address, reply->other_address);
    const struct shoal_ftp_control* control = bpf_map_lookup_elem(&ftp_controls, &key);
    if (!control) return NOT_ASKED_FOR;
    __u32 connections = READ_ONCE(control->connections);
    if (!connections || is_deleted(connections)) return NOT_ASKED_FOR;
    const struct shoal_service* service = get_service(control->service);
    if (!service) return NOT_ASKED_FOR;
    struct opening opening = {.flow = *reply,
                              .service = control->service,
                              .server = control->server,
                              .real_address = reply->other_address,
                              .now = now,
                              .client_interface = control->client_interface,
                              .real_port = reply->other_port,
                              .client_epoch = client_epoch,
                              .load_epoch = service->load_epoch,
                              .method = SHOAL_METHOD_NAT,
                              .state = SHOAL_STATE_SYN_SENT};
    opening.flow.other_address = control->virtual_address[0];
    opening.flow.reply = false;
    return count_opened(&opening, open_connection(&opening));
}

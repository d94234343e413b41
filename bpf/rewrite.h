/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Network address translation of a packet, time to live included. */

#include "flow.h"
#if defined(HOOK_XDP)
#include "rewrite_xdp.h"
#else
#include "rewrite_tc.h"
#endif

static __always_inline void translate_destination(hook_context* context, struct packet* packet,
                                                  __u8 protocol, const struct translation* change) {
    struct udphdr* ports = packet->transport; /* as in TCP */
    ports->dest = change->new_port;
    set_destination(packet->ip, change->new_address);
    lower_ttl(context, packet->ip, address_difference(change->old_address, change->new_address));
    adjust_transport_checksum(context, packet, protocol, change);
}

static __always_inline void translate_to_server(hook_context* context, struct packet* packet,
                                                const struct shoal_connection* connection) {
    const addresses* of = addresses_of(connection);
    if (!of) return;
    struct translation change = {virtual_of(of), real_of(of), connection->virtual_port,
                                 connection->real_port};
    translate_destination(context, packet, connection->protocol, &change);
}

static __always_inline void translate_source(hook_context* context, struct packet* packet,
                                             __u8 protocol, const struct translation* change) {
    struct udphdr* ports = packet->transport;
    ports->source = change->new_port;
    set_source(packet->ip, change->new_address);
    lower_ttl(context, packet->ip, address_difference(change->old_address, change->new_address));
    adjust_transport_checksum(context, packet, protocol, change);
}

static __always_inline void translate_to_client(hook_context* context, struct packet* packet,
                                                const struct shoal_connection* connection) {
    const addresses* of = addresses_of(connection);
    if (!of) return;
    struct translation change = {real_of(of), virtual_of(of), connection->real_port,
                                 connection->virtual_port};
    translate_source(context, packet, connection->protocol, &change);
}

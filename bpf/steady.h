/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Finding the connection of a packet that came by TCP or UDP from a client, if it stands where
 * connections stand first: straight from the packet, without a struct flow in memory. */

#include "flow.h"
#include "packet.h"

/* Of both ends at once. */
typedef __u32 __attribute__((may_alias)) port_pair;
SHOAL_ASSERT(offsetof(struct shoal_connection, virtual_port) ==
                     offsetof(struct shoal_connection, client_port) + 2 &&
                 offsetof(struct shoal_connection, client_port) % 4 == 0,
             "as in a transport header");

static __always_inline bool is_from_client(const struct shoal_connection* connection,
                                           const struct packet* packet) {
    const port_pair* ports = packet->transport;
    return connection->protocol == protocol_of(packet) &&
           *(const port_pair*)&connection->client_port == *ports &&
           has_addresses(connection, packet->ip);
}

/* In the first bucket, and no other one of its signature stands before it. The caller looks at its
 * state. */
static __always_inline struct shoal_connection* find_at_home(const struct packet* packet) {
    __u64 hash = packet_hash(source_of(packet->ip), packet->source_port, protocol_of(packet));
    const struct shoal_bucket* bucket = get_bucket(first_bucket(hash));
    if (!bucket) return NULL;
    for (int i = 0; i < SHOAL_BUCKET_SLOTS; ++i) {
        __u64 slot = READ_ONCE(bucket->slot[i]);
        if ((slot ^ hash) & SHOAL_SLOT_SIGNATURE_MASK) continue;
        struct shoal_connection* connection = get_connection(slot & SHOAL_SLOT_CELL_MASK);
        return connection && is_from_client(connection, packet) ? connection : NULL;
    }
    return NULL;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Flows of IPv4: one hashed word, and addresses in the connection's own cell. */

static __always_inline __u64 flow_hash(const struct shoal_settings* settings,
                                       ip_address client_address, __be16 client_port,
                                       __u8 protocol) {
    return hash_v4(settings->hash_key, client_address, port_word(client_port, protocol));
}

static __always_inline __u64 template_hash(const struct shoal_settings* settings,
                                           ip_address client_address, __u32 service) {
    return hash_v4(settings->hash_key, client_address, template_word(service));
}

static __noinline __u64 hash_anew(__u64 tuple, struct shoal_recent_flow* recent) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return 0;
    __u64 hash = siphash_1_3(settings->hash_key, tuple);
    if (recent) {
        recent->tuple[0] = tuple;
        recent->hash = hash;
    }
    return hash;
}

/* flow_hash for packets: a CPU's last one was often of the same flow. The hashing is a function of
 * its own, because here it would cost the whole packet path stack. */
static __always_inline __u64 packet_hash(ip_address client_address, __be16 client_port,
                                         __u8 protocol) {
    __u64 tuple = tuple_v4(client_address, port_word(client_port, protocol));
    struct shoal_recent_flow* recent = bpf_map_lookup_elem(&recent_flow, &first_key);
    if (recent && recent->tuple[0] == tuple) return recent->hash;
    return hash_anew(tuple, recent);
}

/* ---- A connection's addresses -----------------------------------------------------------------*/

typedef struct shoal_connection addresses;

static __always_inline const addresses* addresses_of(const struct shoal_connection* connection) {
    return connection;
}

static __always_inline ip_address client_of(const addresses* of) {
    return of->client_address;
}

static __always_inline ip_address virtual_of(const addresses* of) {
    return of->virtual_address;
}

static __always_inline ip_address real_of(const addresses* of) {
    return of->real_address;
}

/* Of a record that is not in the index. */
static __always_inline void set_addresses(struct shoal_connection* connection,
                                          const struct flow* flow, ip_address real_address) {
    connection->client_address = flow->client_address;
    connection->virtual_address = flow->other_address;
    connection->real_address = real_address;
}

static __always_inline void set_passing_addresses(struct shoal_connection* passing,
                                                  const struct flow* flow,
                                                  ip_address real_address) {
    set_addresses(passing, flow, real_address);
}

static __always_inline bool is_of_flow(const struct shoal_connection* connection,
                                       const struct flow* flow) {
    if (connection->client_address != flow->client_address ||
        connection->client_port != flow->client_port || connection->protocol != flow->protocol)
        return false;
    if (flow->reply) {
        if (connection->real_address != flow->other_address ||
            connection->real_port != flow->other_port || connection->method != SHOAL_METHOD_NAT)
            return false;
    } else if (connection->virtual_address != flow->other_address ||
               connection->virtual_port != flow->other_port) {
        return false;
    }
    return is_present(READ_ONCE(connection->word));
}

/* Client and virtual server, as a client's packet names them. */
static __always_inline bool has_addresses(const struct shoal_connection* connection,
                                          const ip_header* ip) {
    typedef __u64 __attribute__((may_alias)) address_pair;
    return *(const address_pair*)&connection->client_address == *(const address_pair*)&ip->saddr;
}
SHOAL_ASSERT(offsetof(struct shoal_connection, virtual_address) ==
                     offsetof(struct shoal_connection, client_address) + 4 &&
                 offsetof(struct shoal_connection, client_address) % 8 == 0,
             "as in an IP header");

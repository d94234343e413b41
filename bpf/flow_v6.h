/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Flows of IPv6: three hashed words, and addresses in a second cell, which is read only where all
 * else agrees. */

static __always_inline __u64 flow_hash(const struct shoal_settings* settings,
                                       ip_address client_address, __be16 client_port,
                                       __u8 protocol) {
    return hash_v6(settings->hash_key, client_address.half[0], client_address.half[1],
                   port_word(client_port, protocol));
}

static __always_inline __u64 template_hash(const struct shoal_settings* settings,
                                           ip_address client_address, __u32 service) {
    return hash_v6(settings->hash_key, client_address.half[0], client_address.half[1],
                   template_word(service));
}

/* Packets of both families share the record of the last one: a port word of IPv4 has no such bit.
 */
#define RECENT_IPV6 0x100

static __noinline __u64 hash_anew(__u64 first, __u64 second, __u64 third,
                                  struct shoal_recent_flow* recent) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return 0;
    __u64 hash = siphash_1_3_of_three(settings->hash_key, first, second, third);
    if (recent) {
        recent->tuple[0] = first | RECENT_IPV6;
        recent->tuple[1] = second;
        recent->tuple[2] = third;
        recent->hash = hash;
    }
    return hash;
}

/* As in flow_v4.h. */
static __always_inline __u64 packet_hash(ip_address client_address, __be16 client_port,
                                         __u8 protocol) {
    __u64 tuple = tuple_v6(port_word(client_port, protocol));
    struct shoal_recent_flow* recent = bpf_map_lookup_elem(&recent_flow, &first_key);
    if (recent && recent->tuple[0] == (tuple | RECENT_IPV6) &&
        recent->tuple[1] == client_address.half[0] && recent->tuple[2] == client_address.half[1])
        return recent->hash;
    return hash_anew(tuple, client_address.half[0], client_address.half[1], recent);
}

/* ---- A connection's addresses -----------------------------------------------------------------*/

typedef struct shoal_addresses addresses;

/* The passing flow's are this CPU's own. */
static __always_inline addresses* get_passing_addresses(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&passing_addresses, &zero);
}

static __always_inline addresses* addresses_of(const struct shoal_connection* connection) {
    __u32 cell = connection->address_cell;
    return cell ? get_addresses(cell) : get_passing_addresses();
}

static __always_inline ip_address client_of(const addresses* of) {
    return narrow(of->client_address);
}

static __always_inline ip_address virtual_of(const addresses* of) {
    return narrow(of->virtual_address);
}

static __always_inline ip_address real_of(const addresses* of) {
    return narrow(of->real_address);
}

static __always_inline void set_addresses(struct shoal_connection* connection,
                                          const struct flow* flow, ip_address real_address) {
    connection->client_address = SHOAL_NOT_IPV4;
    connection->virtual_address = SHOAL_NOT_IPV4;
    addresses* of = addresses_of(connection);
    if (!of) return;
    put_address(of->client_address, flow->client_address);
    put_address(of->virtual_address, flow->other_address);
    put_address(of->real_address, real_address);
}

/* The programs of both families use the record. */
static __always_inline void set_passing_addresses(struct shoal_connection* passing,
                                                  const struct flow* flow,
                                                  ip_address real_address) {
    passing->address_cell = 0;
    set_addresses(passing, flow, real_address);
}

static __always_inline bool is_of_flow(const struct shoal_connection* connection,
                                       const struct flow* flow) {
    __u32 word = READ_ONCE(connection->word);
    if (connection->client_port != flow->client_port || connection->protocol != flow->protocol ||
        !(word & SHOAL_WORD_IPV6) || !is_present(word))
        return false;
    __be16 port = flow->reply ? connection->real_port : connection->virtual_port;
    if (port != flow->other_port || (flow->reply && connection->method != SHOAL_METHOD_NAT))
        return false;
    const addresses* of = get_addresses(connection->address_cell);
    if (!of || !same_address(client_of(of), flow->client_address)) return false;
    return same_address(flow->reply ? real_of(of) : virtual_of(of), flow->other_address);
}

/* Client and virtual server, as a client's packet names them. */
static __always_inline bool has_addresses(const struct shoal_connection* connection,
                                          const ip_header* ip) {
    if (!(READ_ONCE(connection->word) & SHOAL_WORD_IPV6)) return false;
    const addresses* of = get_addresses(connection->address_cell);
    return of && same_address(client_of(of), source_of(ip)) &&
           same_address(virtual_of(of), destination_of(ip));
}

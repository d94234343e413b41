/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Fragments of IPv6; included by fragments.h. */

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_fragment);
} new_fragment SEC(".maps");

static __always_inline struct shoal_fragment* get_new_fragment(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&new_fragment, &zero);
}

/* Fragments of a datagram may differ in what they say follows (RFC 8200, 4.5). */
static __always_inline void set_fragment_key(struct shoal_fragment_key* key, const ip_header* ip,
                                             __u32 identification) {
    key->identification = identification;
    key->family = 6;
    widen(key->source, source_of(ip));
    widen(key->destination, destination_of(ip));
}

/* `connection` is what the datagram belongs to, just seen. */
static __noinline void remember_datagram(const ip_header* ip, __u32 identification,
                                         const struct shoal_connection* connection) {
    struct shoal_fragment_key key = {};
    struct shoal_fragment* fragment = get_new_fragment();
    const addresses* of = addresses_of(connection);
    if (!fragment || !of) return;
    fragment->connection = *connection;
    fragment->connection.address_cell = 0;
    fragment->addresses = *of;
    set_fragment_key(&key, ip, identification);
    bpf_map_update_elem(&fragments6, &key, fragment, BPF_ANY);
}

static __always_inline void remember_fragment(const struct packet* packet,
                                              const struct shoal_connection* connection) {
    remember_datagram(packet->ip, packet->identification, connection);
}

/* A datagram of one-packet scheduling has no connection. */
static __always_inline void remember_alone(const struct packet* packet,
                                           const struct opening* opening) {
    fill_passing_flow(opening);
    const struct shoal_connection* passing = get_passing_flow();
    if (passing) remember_fragment(packet, passing);
}

static __always_inline void remember_nothing(const struct packet* packet) {
    struct shoal_fragment_key key = {};
    struct shoal_fragment* fragment = get_new_fragment();
    if (!fragment) return;
    fragment->connection.protocol = 0;
    set_fragment_key(&key, packet->ip, packet->identification);
    bpf_map_update_elem(&fragments6, &key, fragment, BPF_ANY);
}

/* Whether the ports are in this fragment, and others follow. */
static __always_inline bool begins_datagram(hook_context* context, struct packet* packet) {
    if (!is_extension(packet->ip->nexthdr)) return false;
    return skip_extensions(context, packet) == UNDECIDED && packet->first_fragment &&
           (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP);
}

/* As of IPv4. */
static __always_inline bool is_sound_fragment(hook_context* context, struct packet* packet) {
    struct fragment_header header = {};
    if (skip_extensions(context, packet) != LATER_FRAGMENT || packet->bytes < packet->header_bytes)
        return false;
    if (bpf_skb_load_bytes(context, ETH_HLEN + packet->header_bytes - sizeof(header), &header,
                           sizeof(header)))
        return false;
    __u32 offset = bpf_ntohs(header.offset) & FRAGMENT_OFFSET;
    if (offset + packet->bytes - packet->header_bytes > 0xffff) return false;
    return packet->protocol != IPPROTO_TCP || offset >= sizeof(struct tcphdr);
}

/* What the datagram belongs to, or NULL. Its addresses are then the passing flow's. */
static __always_inline struct shoal_connection* find_followed(const struct packet* packet) {
    struct shoal_fragment_key key = {};
    set_fragment_key(&key, packet->ip, packet->identification);
    struct shoal_fragment* fragment = bpf_map_lookup_elem(&fragments6, &key);
    addresses* of = get_passing_addresses();
    if (!fragment || !of) return NULL;
    *of = fragment->addresses;
    return &fragment->connection;
}

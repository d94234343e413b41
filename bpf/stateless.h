/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Service without a record, for clients who find the table full: the real server follows from the
 * client's address and port by the pool's ring, so that all packets of a flow agree. Only where
 * nothing is lost by it: the real server answers the client itself, or its answers can be of one
 * virtual server alone.
 *
 * A virtual server that has served so is remembered for some time. As long as it is, packets that
 * belong to no record may be of such a flow and go by the ring too. Where there is room again they
 * get a record, which names the same real server and begins half-open: whoever sends segments at
 * random fills the table with nothing that cannot be reclaimed. */

#include "ftp_controls.h"
#include "insert.h"
#include "next_hop.h"
#include "ring.h"
#include "template.h"

static __always_inline __u64* get_stateless_time(__u32 entry) {
    return bpf_map_lookup_elem(&stateless_times, &entry);
}

/* An entry of stateless_times. */
SLOW_PATH bool lately_stateless(__u32 entry) {
    const struct shoal_settings* settings = get_settings();
    const __u64* time = get_stateless_time(entry);
    if (!settings || !time) return false;
    __u64 last = READ_ONCE(*time);
    return last && bpf_jiffies64() - last < (__u64)settings->hz * SHOAL_STATELESS_SECONDS;
}

/* Once a jiffy is enough for all CPUs. */
static __always_inline void note_time(__u32 entry) {
    __u64* time = get_stateless_time(entry);
    __u64 now = bpf_jiffies64();
    if (time && READ_ONCE(*time) != now) WRITE_ONCE(*time, now);
}

static __always_inline void note_stateless(__u32 service, __u8 method) {
    note_time(shoal_stateless_entry(service));
    if (method == SHOAL_METHOD_NAT) note_time(SHOAL_STATELESS_NAT);
}

/* By the client's address and port, under persistence by its network. Index into server_table, or
 * NO_SERVER. */
SLOW_PATH int pick_statelessly(const struct opening* opening, const struct shoal_service* service) {
    struct opening* by_network = get_template_opening();
    if (!opening || !service || !by_network) return NO_SERVER;
    if (!service->persistence_timeout) return pick_without_record(&opening->flow, opening->service);
    by_network->flow = template_flow(opening, service);
    by_network->flow.other_address = opening->flow.other_address;
    return pick_without_record(&by_network->flow, opening->service);
}

static __always_inline struct shoal_origin_key origin_key(ip_address real_address, __be16 real_port,
                                                          __u8 protocol) {
    struct shoal_origin_key key = {.port = real_port, .protocol = protocol, .family = FAMILY};
    widen(key.address, real_address);
    return key;
}

/* Whether the client gets the real server's answers though nothing is remembered. */
SLOW_PATH bool needs_no_record(const struct opening* opening) {
    if (!opening) return false;
    if (opening->method != SHOAL_METHOD_NAT) return true;
    /* Its data connections follow from its record. */
    if (opening->flow.protocol == IPPROTO_TCP &&
        opening->flow.other_port == bpf_htons(FTP_CONTROL_PORT))
        return false;
    struct shoal_origin_key key =
        origin_key(opening->real_address, opening->real_port, opening->flow.protocol);
    const struct shoal_origin* origin = bpf_map_lookup_elem(&nat_origins, &key);
    return origin && origin->service == opening->service && origin->server == opening->server;
}

static __always_inline struct shoal_connection* get_passing_flow(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&passing_flow, &zero);
}

static __always_inline bool is_passing(const struct shoal_connection* connection) {
    return (READ_ONCE(connection->word) & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_FREE;
}

/* There is no way to the client. Without a record it may be the director itself, whose checks are
 * answered. */
static __always_inline int verdict_without_way(const struct shoal_connection* connection) {
    return is_passing(connection) ? SHOAL_VERDICT_not_ours : SHOAL_VERDICT_no_route;
}

/* What forwarding asks a connection for. Its word is that of a free cell: it counts for nothing. */
SLOW_PATH int fill_passing_flow(const struct opening* opening) {
    struct shoal_connection* passing = get_passing_flow();
    if (!opening || !passing) return 0;
    passing->word = SHOAL_STATE_FREE;
    copy_opening(passing, opening);
    set_passing_addresses(passing, &opening->flow, opening->real_address);
    return 0;
}

/* A real server's packet of no connection in the table; if it answers a client who is served
 * statelessly, the passing flow stands for the connection. */
SLOW_PATH bool answers_statelessly(const struct flow* reply) {
    const struct shoal_settings* settings = get_settings();
    struct shoal_connection* passing = get_passing_flow();
    if (!reply || !settings || !passing || settings->draining) return false;
    if (!lately_stateless(SHOAL_STATELESS_NAT)) return false;
    struct shoal_origin_key key =
        origin_key(reply->other_address, reply->other_port, reply->protocol);
    const struct shoal_origin* origin = bpf_map_lookup_elem(&nat_origins, &key);
    const struct shoal_service* service = origin ? get_service(origin->service) : NULL;
    if (!service || !lately_stateless(shoal_stateless_entry(origin->service))) return false;
    passing->word = SHOAL_STATE_FREE;
    passing->seen = bpf_jiffies64();
    struct flow forward = *reply;
    forward.other_address = narrow(service->key.address);
    set_passing_addresses(passing, &forward, reply->other_address);
    passing->client_port = reply->client_port;
    passing->virtual_port = service->key.port;
    passing->real_port = reply->other_port;
    passing->protocol = reply->protocol;
    passing->method = SHOAL_METHOD_NAT;
    passing->service = origin->service;
    passing->server = origin->server;
    passing->client_interface = 0;
    passing->client_epoch = current_epoch(settings, bpf_jiffies64()) + EPOCH_NEVER;
    return true;
}

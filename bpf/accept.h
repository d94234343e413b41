/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The first packet of a connection: is there a virtual server, who serves it, is there room. */

#include "next_hop.h"
#include "schedule.h"
#include "stateless.h"
#include "template.h"

#define FTP_DATA_PORT 20

struct arrival {
    struct opening opening;
    int verdict; /* out: SHOAL_VERDICT_new_connection or why there is none */
    bool opens;  /* a datagram, or a SYN */
    bool ends;   /* a FIN or RST: not worth a record */
    bool ttl_expired;
    bool replaces; /* a connection of the same flow, which is over */
    bool alone;    /* out: to be sent to opening.server without a connection */
    bool by_ring; /* it may be of a flow that is served statelessly, whose server it must agree with
                   */
};

/* Not on the stack: Linux 6.1 grants 512 bytes to a whole chain of calls, and the longest ones
 * begin with this record's owner. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct arrival);
} OF_FAMILY(arrivals) SEC(".maps");

static __always_inline struct arrival* get_arrival(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&OF_FAMILY(arrivals), &zero);
}

/* Established connections were looked at when they opened. */
static __always_inline bool is_martian(const struct flow* flow) {
    return is_no_client(flow->client_address) ||
           same_address(flow->client_address, flow->other_address);
}

/* Whether the packet may open a connection with the virtual server. */
static __always_inline int admit(const struct arrival* arrival,
                                 const struct shoal_service* service) {
    const struct flow* flow = &arrival->opening.flow;
    /* As in IPVS: a real server that is a client of its own director would be scheduled. */
    if ((!arrival->opens && !arrival->by_ring) || flow->client_port == bpf_htons(FTP_DATA_PORT))
        return SHOAL_VERDICT_no_connection;
    if (is_martian(flow)) return SHOAL_VERDICT_martian;
    if (service->flags & SHOAL_SERVICE_ACCESS &&
        !may_enter(service, arrival->opening.service, flow))
        return SHOAL_VERDICT_denied;
    return UNDECIDED;
}

static __always_inline __u8 first_state(const struct opening* opening) {
    const struct shoal_settings* settings = get_settings();
    if (opening->flow.protocol != IPPROTO_TCP || !settings) return SHOAL_STATE_UDP;
    return tcp_next(settings->secure_tcp,
                    opening->method == SHOAL_METHOD_NAT ? TCP_IN : TCP_INPUT_ONLY, TCP_SYN,
                    SHOAL_STATE_NONE);
}

static __always_inline int use_server(struct opening* opening, const struct shoal_service* service,
                                      __u32 index) {
    const struct shoal_server* server = get_server(index);
    if (!server) return SHOAL_VERDICT_internal;
    bool local = READ_ONCE(server->flags) & SHOAL_SERVER_LOCAL;
    if (!server->interface && !local) return SHOAL_VERDICT_no_route;
    opening->server = index;
    opening->real_address = real_address_of(server);
    opening->real_port = server->port;
    if (!server->port) opening->real_port = opening->flow.other_port;
    if (service->persistence_timeout)
        opening->real_port = persistent_port(opening, service, server);
    opening->method = local ? SHOAL_METHOD_LOCAL : server->method;
    opening->load_epoch = service->load_epoch;
    opening->state = first_state(opening);
    return SHOAL_VERDICT_new_connection;
}

static __always_inline int schedule(struct opening* opening, const struct shoal_service* service,
                                    bool by_ring) {
    int index = by_ring ? pick_statelessly(opening, service)
                        : pick_server(&opening->flow, opening->service);
    return index < 0 ? SHOAL_VERDICT_no_server : use_server(opening, service, index);
}

/* The director itself takes a packet whatever its time to live is. */
static __always_inline bool ends_here(const struct arrival* arrival) {
    return arrival->ttl_expired && arrival->opening.method != SHOAL_METHOD_LOCAL;
}

static __always_inline int choose_persistently(struct arrival* arrival,
                                               const struct shoal_service* service) {
    struct opening* opening = &arrival->opening;
    __u32 cell = find_template(opening, service);
    if (!cell) {
        if (is_draining()) return SHOAL_VERDICT_left_to_successor;
        int verdict = schedule(opening, service, arrival->by_ring);
        if (verdict != SHOAL_VERDICT_new_connection || !arrival->opens) return verdict;
        if (ends_here(arrival)) return SHOAL_VERDICT_ttl_expired;
        cell = open_template(opening, service);
        if (!cell) return SHOAL_VERDICT_table_full;
    }
    struct shoal_connection* template = get_connection(cell);
    if (!template) return SHOAL_VERDICT_internal;
    /* What opens under it gives it its whole time again, one packet's scheduling too. */
    WRITE_ONCE(template->seen, opening->now);
    opening->template_cell = cell;
    return use_server(opening, service, template->server);
}

/* A new TCP connection is scheduled as ever, once there is room. A datagram may be of a flow that
 * began without a record; a template must agree with what its client began without one. */
static __always_inline bool may_be_stateless(const struct arrival* arrival,
                                             const struct shoal_service* service) {
    bool first = arrival->opens && arrival->opening.flow.protocol == IPPROTO_TCP;
    return !arrival->alone && (!first || service->persistence_timeout);
}

static __always_inline bool is_alone(const struct opening* opening,
                                     const struct shoal_service* service) {
    return service->flags & SHOAL_SERVICE_ONE_PACKET && opening->flow.protocol == IPPROTO_UDP;
}

static __always_inline int choose_server(struct arrival* arrival) {
    struct opening* opening = &arrival->opening;
    int index = find_service(&opening->flow, opening->now);
    if (index < 0) return SHOAL_VERDICT_no_service;
    opening->service = index;
    const struct shoal_service* service = get_service(opening->service);
    if (!service) return SHOAL_VERDICT_internal;
    arrival->alone = is_alone(opening, service);
    if ((!service->persistence_timeout || !arrival->opens) && is_draining())
        return SHOAL_VERDICT_left_to_successor;
    /* What XDP picks and cannot send would be picked again at tc. */
    if (is_xdp && arrival->alone) return SHOAL_VERDICT_passed_up;
    arrival->by_ring = may_be_stateless(arrival, service) &&
                       lately_stateless(shoal_stateless_entry(opening->service));
    int verdict = admit(arrival, service);
    if (verdict != UNDECIDED) return verdict;
    verdict = service->persistence_timeout ? choose_persistently(arrival, service)
                                           : schedule(opening, service, arrival->by_ring);
    if (verdict == SHOAL_VERDICT_new_connection && !arrival->opens && !needs_no_record(opening))
        return SHOAL_VERDICT_no_connection;
    /* As in IPVS, a scheduler has had its turn. */
    if (verdict == SHOAL_VERDICT_new_connection && ends_here(arrival))
        return SHOAL_VERDICT_ttl_expired;
    return verdict;
}

/* A SYN on a connection that is in the table. As IPVS with conn_reuse_mode 1 and
 * expire_nodest_conn: it begins a new one where the real server gets no new connections, and after
 * TIME_WAIT or CLOSE unless the old one runs under a template. */
SLOW_PATH bool begins_anew(const struct shoal_connection* connection) {
    if (!connection) return false;
    __u32 state = READ_ONCE(connection->word) & SHOAL_WORD_STATE_MASK;
    /* The real server opened it (FTP data): the client's answer begins nothing. */
    if (state == SHOAL_STATE_SYN_SENT) return false;
    bool closed = state == SHOAL_STATE_TIME_WAIT || state == SHOAL_STATE_CLOSE;
    return (closed && !connection->template_cell) ||
           !weight_in_pool(connection->service, connection->server);
}

/* Looked up again: it may have been replaced by another CPU meanwhile. */
static __always_inline struct shoal_connection* find_replaced(const struct flow* flow) {
    struct shoal_connection* connection = get_connection(find_again(flow));
    const struct shoal_server* server = connection ? get_server(connection->server) : NULL;
    if (!server) return NULL;
    bool over =
        server_is_gone(server) || (connection->protocol == IPPROTO_TCP && begins_anew(connection));
    return over ? connection : NULL;
}

/* The table is full, or there is to be no record. Under a template its real server stays. */
SLOW_PATH int go_without_record(struct arrival* arrival) {
    if (!arrival) return 0;
    struct opening* opening = &arrival->opening;
    const struct shoal_service* service = get_service(opening->service);
    if (!service) return 0;
    if (!opening->template_cell && !arrival->by_ring) {
        int verdict = schedule(opening, service, true);
        if (verdict != SHOAL_VERDICT_new_connection) return 0;
    }
    if (!needs_no_record(opening)) return 0;
    if (ends_here(arrival)) {
        arrival->verdict = SHOAL_VERDICT_ttl_expired;
        return 0;
    }
    fill_passing_flow(opening);
    /* A FIN or RST gets no record though there may be room. */
    if (!arrival->ends) note_stateless(opening->service, opening->method);
    arrival->verdict = SHOAL_VERDICT_stateless;
    return 0;
}

static __always_inline __u32 open_chosen(struct arrival* arrival) {
    if (arrival->verdict != SHOAL_VERDICT_new_connection) {
        arrival->alone = false;
        return 0;
    }
    if (arrival->alone) return 0;
    __u32 cell = 0;
    if (!arrival->ends) cell = count_opened(&arrival->opening, open_connection(&arrival->opening));
    if (!cell) arrival->verdict = SHOAL_VERDICT_table_full;
    return cell;
}

/* Returns the cell of the connection to use, or 0; then, with the verdict `stateless`, the passing
 * flow stands for it. As in IPVS, the connection that a new one
 * replaces still counts for its real server while the new one is scheduled and counted. */
SLOW_PATH __u32 accept(struct arrival* arrival) {
    if (!arrival) return 0;
    arrival->verdict = choose_server(arrival);
    struct shoal_connection* old = arrival->replaces ? find_replaced(&arrival->opening.flow) : NULL;
    struct counted counted = {};
    __u64 load = old ? bury_connection(old, READ_ONCE(old->word), &counted) : 0;
    __u32 cell = open_chosen(arrival);
    if (load) change_load_of(&counted, -load);
    if (arrival->verdict == SHOAL_VERDICT_table_full) {
        if (is_draining())
            arrival->verdict = SHOAL_VERDICT_left_to_successor;
        else
            go_without_record(arrival);
    }
    return cell;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* `shoal explain`: what would become of a client's packet, by the functions that packets go
 * through. Nothing changes: templates stay, the cursor moves in a copy, and what lblc remembers is
 * only read. The question and the answer lie in a map of one entry. */

#include "director.h"

static __always_inline struct shoal_explanation* get_explanation(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&explanation, &zero);
}

/* ---- The schedulers that change something when they pick --------------------------------------*/

/* rr and wrr: on a copy of the cursor. */
static __noinline int look_by_cursor(__u32 service, struct shoal_explanation* answer) {
    struct cursor_pick pick = {.pool = get_pool(service), .server = NO_SERVER};
    const union shoal_cursor* cursor = bpf_map_lookup_elem(&scheduler_state, &service);
    if (!pick.pool || !cursor) return NO_SERVER;
    answer->cursor.word = READ_ONCE(cursor->word);
    pick.cursor = &answer->cursor;
    try_pick(0, &pick);
    return pick.server;
}

/* lblc and lblcr: without an entry for the address, or with one that nobody asked for in a day, the
 * least loaded. That nothing ever expires keeps pick_of_set from changing the set. */
static __noinline int look_by_locality(const struct flow* flow, __u32 service,
                                       struct shoal_explanation* answer) {
    void* pool = get_pool(service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    const struct shoal_settings* settings = get_settings();
    if (!header || !settings) return NO_SERVER;
    struct shoal_locality_key key = {.service = service};
    widen(key.address, flow->other_address);
    struct shoal_locality* set = bpf_map_lookup_elem(&locality, &key);
    __u64 now = bpf_jiffies64();
    if (set && now - READ_ONCE(set->used) <= LOCALITY_EXPIRATION_S * settings->hz) {
        int server = pick_of_set(pool, header, set, now, ~0ULL);
        answer->remembered = server >= 0;
        if (server >= 0) return server;
    }
    return least_loaded(pool, header);
}

static __noinline int look_otherwise(const struct flow* flow, __u32 service,
                                     struct shoal_explanation* answer) {
    switch (answer->scheduler) {
        case SHOAL_SCHEDULER_RR:
        case SHOAL_SCHEDULER_WRR:
            return look_by_cursor(service, answer);
        case SHOAL_SCHEDULER_LBLC:
        case SHOAL_SCHEDULER_LBLCR:
            return look_by_locality(flow, service, answer);
        case SHOAL_SCHEDULER_TWOS:
            answer->by_chance = 1;
            return pick_of_two(service);
        default:
            return pick_by_ring(flow, service);
    }
}

static __always_inline int look_for_server(const struct flow* flow, __u32 service,
                                           struct shoal_explanation* answer) {
    void* pool = get_pool(service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    if (!header) return NO_SERVER;
    answer->scheduler = header->scheduler;
    answer->scheduled = 1;
    int server = pick_least(service);
    return server == OTHER_SCHEDULER ? look_otherwise(flow, service, answer) : server;
}

/* ---- A connection that would be new -----------------------------------------------------------*/

/* The client's template that holds, or 0. */
SLOW_PATH __u32 look_for_template(const struct opening* opening,
                                  const struct shoal_service* service) {
    if (!opening || !service) return 0;
    struct flow flow = template_flow(opening, service);
    __u32 cell = find_again(&flow);
    const struct shoal_connection* template = get_connection(cell);
    return cell && template && holds(template, service) ? cell : 0;
}

/* As pick_statelessly(). Without its port, the client may be any of those of its address. */
static __always_inline int look_by_client(const struct opening* opening,
                                          const struct shoal_service* service,
                                          struct shoal_explanation* answer) {
    void* pool = get_pool(opening->service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    if (!header) return NO_SERVER;
    answer->by_ring = 1;
    answer->scheduled = 0;
    answer->by_chance = !answer->with_client_port && !service->persistence_timeout &&
                        !schedules_by_ring(header->scheduler);
    return pick_statelessly(opening, service);
}

static __always_inline int look_at_server(struct opening* opening,
                                          const struct shoal_service* service, int server,
                                          struct shoal_explanation* answer) {
    if (server < 0) return SHOAL_VERDICT_no_server;
    answer->server = server;
    int verdict = use_server(opening, service, server);
    answer->real_port = opening->real_port;
    answer->method = opening->method;
    return verdict;
}

/* As choose_persistently() and schedule(). */
static __always_inline int look_for_choice(struct arrival* arrival,
                                           struct shoal_explanation* answer) {
    struct opening* opening = &arrival->opening;
    const struct shoal_service* service = get_service(opening->service);
    if (!service) return SHOAL_VERDICT_internal;
    __u32 cell = service->persistence_timeout ? look_for_template(opening, service) : 0;
    const struct shoal_connection* template = cell ? get_connection(cell) : NULL;
    answer->template_cell = cell;
    if (!template && is_draining()) return SHOAL_VERDICT_left_to_successor;
    int server;
    if (template)
        server = template->server;
    else if (arrival->by_ring)
        server = look_by_client(opening, service, answer);
    else
        server = look_for_server(&opening->flow, opening->service, answer);
    return look_at_server(opening, service, server, answer);
}

/* No cell could be had now. Other CPUs may hold a few. */
static __always_inline bool table_is_full(void) {
    __u32 zero = 0;
    const struct shoal_free_ring* ring = bpf_map_lookup_elem(&free_ring, &zero);
    const struct shoal_free_batch* batch = get_batch();
    return ring && batch && !batch->count && READ_ONCE(ring->tail) == READ_ONCE(ring->head);
}

/* As go_without_record(). */
static __noinline int look_without_record(struct arrival* arrival,
                                          struct shoal_explanation* answer) {
    struct opening* opening = &arrival->opening;
    const struct shoal_service* service = get_service(opening->service);
    if (!service) return SHOAL_VERDICT_internal;
    if (!answer->template_cell && !arrival->by_ring) {
        int server = look_by_client(opening, service, answer);
        if (look_at_server(opening, service, server, answer) != SHOAL_VERDICT_new_connection)
            return SHOAL_VERDICT_table_full;
    }
    return needs_no_record(opening) ? SHOAL_VERDICT_stateless : SHOAL_VERDICT_table_full;
}

/* As choose_server() and open_chosen(). */
static __noinline int look_for_opening(struct arrival* arrival, struct shoal_explanation* answer) {
    struct opening* opening = &arrival->opening;
    int index = find_service(&opening->flow, opening->now);
    if (index < 0) return SHOAL_VERDICT_no_service;
    answer->service = opening->service = index;
    const struct shoal_service* service = get_service(opening->service);
    if (!service) return SHOAL_VERDICT_internal;
    arrival->alone = is_alone(opening, service);
    if (!service->persistence_timeout && is_draining()) return SHOAL_VERDICT_left_to_successor;
    arrival->by_ring = may_be_stateless(arrival, service) &&
                       lately_stateless(shoal_stateless_entry(opening->service));
    int verdict = admit(arrival, service);
    if (verdict == UNDECIDED) verdict = look_for_choice(arrival, answer);
    if (verdict != SHOAL_VERDICT_new_connection) return verdict;
    answer->one_packet = arrival->alone;
    answer->full = !arrival->alone && table_is_full();
    if (answer->full && is_draining()) return SHOAL_VERDICT_left_to_successor;
    return answer->full ? look_without_record(arrival, answer) : verdict;
}

static __always_inline int look_at_opening(const struct flow* flow,
                                           struct shoal_explanation* answer) {
    struct arrival* arrival = get_arrival();
    if (!arrival) return SHOAL_VERDICT_internal;
    __builtin_memset(arrival, 0, sizeof(*arrival));
    arrival->opening.flow = *flow;
    arrival->opening.now = bpf_jiffies64();
    arrival->opens = true;
    return look_for_opening(arrival, answer);
}

/* ---- Every packet -----------------------------------------------------------------------------*/

/* As from_client: false where the connection is over for a packet that may open a new one. */
static __always_inline bool look_at_connection(const struct flow* flow,
                                               struct shoal_explanation* answer) {
    __u32 cell = find_again(flow);
    const struct shoal_connection* connection = get_connection(cell);
    if (!cell || !connection || !is_of_flow(connection, flow)) return false;
    const struct shoal_server* server = get_server(connection->server);
    if (!server) return false;
    answer->cell = cell;
    answer->gone = server_is_gone(server);
    answer->reopens = flow->protocol == IPPROTO_TCP && begins_anew(connection);
    if (answer->gone || (answer->opens && answer->reopens)) return false;
    answer->service = connection->service;
    answer->server = connection->server;
    answer->real_port = connection->real_port;
    answer->method = connection->method;
    answer->verdict = server->interface ? SHOAL_VERDICT_forwarded : SHOAL_VERDICT_no_route;
    if (connection->method == SHOAL_METHOD_LOCAL) answer->verdict = SHOAL_VERDICT_local;
    return true;
}

static __noinline int explain_flow(const struct flow* flow, struct shoal_explanation* answer) {
    if (answer->with_client_port && look_at_connection(flow, answer)) return 0;
    answer->verdict = look_at_opening(flow, answer);
    return 0;
}

/* Answers the question in `explanation`. Returns 0, or 1 where the tables cannot be read. */
static __always_inline int answer_question(void) {
    struct shoal_explanation* answer = get_explanation();
    const struct shoal_settings* settings = get_settings();
    if (!answer || !settings) return 1;
    struct flow flow = {.client_address = narrow(answer->client_address),
                        .other_address = narrow(answer->virtual_address),
                        .client_port = answer->client_port,
                        .other_port = answer->virtual_port,
                        .protocol = answer->protocol};
    if (!may_be_virtual(flow.other_address)) {
        answer->verdict = SHOAL_VERDICT_foreign;
        return 0;
    }
    flow.hash = flow_hash(settings, flow.client_address, flow.client_port, flow.protocol);
    explain_flow(&flow, answer);
    return 0;
}

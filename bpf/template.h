/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Persistence templates: which real server a client's connections to a virtual server go to. */

#include "insert.h"
#include "pool.h"
#include "services.h"

/* What the stack has no room for: an opening of a template, whose flow also serves to look for one,
 * and to pick a real server without a record. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct opening);
} OF_FAMILY(template_opening) SEC(".maps");

static __always_inline struct opening* get_template_opening(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&OF_FAMILY(template_opening), &zero);
}

static __always_inline struct flow template_flow(const struct opening* opening,
                                                 const struct shoal_service* service) {
    struct flow flow = {.client_address = network_of(opening->flow.client_address, service),
                        .other_address = number_address(opening->service),
                        .protocol = SHOAL_PROTOCOL_TEMPLATE};
    const struct shoal_settings* settings = get_settings();
    if (settings) flow.hash = template_hash(settings, flow.client_address, opening->service);
    return flow;
}

/* Templates are not counted in a server's load, so its index may belong to another server by now:
 * the address tells. */
static __always_inline bool holds(const struct shoal_connection* template,
                                  const struct shoal_service* service) {
    const struct shoal_server* server = get_server(template->server);
    const addresses* of = addresses_of(template);
    if (!of || !server || !(READ_ONCE(server->flags) & SHOAL_SERVER_AVAILABLE)) return false;
    if (server->service != template->service || !same_address(real_address_of(server), real_of(of)))
        return false;
    return service->flags & SHOAL_SERVICE_KEEP_QUIESCED ||
           weight_in_pool(template->service, template->server);
}

/* The cell of the client's template, or 0: there is none whose real server is still to be used. */
SLOW_PATH __u32 find_template(const struct opening* opening, const struct shoal_service* service) {
    struct opening* sought = get_template_opening();
    if (!opening || !service || !sought) return 0;
    sought->flow = template_flow(opening, service);
    __u32 cell = find_again(&sought->flow);
    struct shoal_connection* template = get_connection(cell);
    if (!cell || !template) return 0;
    if (holds(template, service)) return cell;
    end_template(template, READ_ONCE(template->word));
    return 0;
}

/* A template for the opening's real server, or the one that was opened meanwhile. Returns its cell;
 * 0: the table is full. */
SLOW_PATH __u32 open_template(const struct opening* opening, const struct shoal_service* service) {
    struct opening* template = get_template_opening();
    if (!opening || !service || !template) return 0;
    *template = *opening;
    template->flow = template_flow(opening, service);
    template->client_interface = 0;
    if (!has_one_port(service)) template->real_port = 0;
    template->state = SHOAL_STATE_TEMPLATE;
    __u32 cell = open_connection(template);
    if (cell & OPENED) count_template(opening->server, 1);
    return cell & ~OPENED;
}

/* Under a template only the port that the virtual server is known by is translated, as in IPVS. */
static __always_inline __be16 persistent_port(const struct opening* opening,
                                              const struct shoal_service* service,
                                              const struct shoal_server* server) {
    bool own = has_one_port(service) && opening->flow.other_port == service->key.port;
    return own && server->port ? server->port : opening->flow.other_port;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Persistence templates: which real server a client's connections to a virtual server go to. */

#include "insert.h"
#include "pool.h"
#include "services.h"

static __always_inline struct flow template_flow(const struct opening* opening,
                                                 const struct shoal_service* service) {
    struct flow flow = {.client_address = opening->flow.client_address & service->persistence_mask,
                        .other_address = opening->service,
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
    if (!server || !(READ_ONCE(server->flags) & SHOAL_SERVER_AVAILABLE)) return false;
    if (server->service != template->service || server->address[0] != template->real_address)
        return false;
    return service->flags & SHOAL_SERVICE_KEEP_QUIESCED ||
           weight_in_pool(template->service, template->server);
}

/* The cell of the client's template, or 0: there is none whose real server is still to be used. */
SLOW_PATH __u32 find_template(const struct opening* opening, const struct shoal_service* service) {
    if (!opening || !service) return 0;
    struct flow flow = template_flow(opening, service);
    __u32 cell = find_again(&flow);
    struct shoal_connection* template = get_connection(cell);
    if (!cell || !template) return 0;
    if (holds(template, service)) return cell;
    end_template(template, READ_ONCE(template->word));
    return 0;
}

/* A template for the opening's real server, or the one that was opened meanwhile. Returns its cell;
 * 0: the table is full. The opening is borrowed: stack is scarce here. */
SLOW_PATH __u32 open_template(struct opening* opening, const struct shoal_service* service) {
    if (!opening || !service) return 0;
    struct flow flow = opening->flow;
    __be16 port = opening->real_port;
    __u32 client_interface = opening->client_interface;
    opening->client_interface = 0;
    opening->flow = template_flow(opening, service);
    opening->real_port = has_one_port(service) ? port : 0;
    opening->state = SHOAL_STATE_TEMPLATE;
    __u32 cell = open_connection(opening);
    if (cell & OPENED) count_template(opening->server, 1);
    opening->flow = flow;
    opening->client_interface = client_interface;
    return cell & ~OPENED;
}

/* Under a template only the port that the virtual server is known by is translated, as in IPVS. */
static __always_inline __be16 persistent_port(const struct opening* opening,
                                              const struct shoal_service* service,
                                              const struct shoal_server* server) {
    bool own = has_one_port(service) && opening->flow.other_port == service->key.port;
    return own && server->port ? server->port : opening->flow.other_port;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Which virtual server a packet is for, and which clients may use it. */

#include "flow.h"

#define NO_SERVICE (-1)

static __always_inline bool has_key(const struct shoal_service* service, const struct flow* flow) {
    const struct shoal_service_key* key = &service->key;
    return READ_ONCE(service->in_use) && same_address(narrow(key->address), flow->other_address) &&
           key->port == flow->other_port && key->protocol == flow->protocol &&
           key->family == FAMILY;
}

static __always_inline struct shoal_recent_service* get_recent_service(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&recent_service, &zero);
}

/* By its own address and port. That a mark takes them over is seen within a jiffy. */
static __always_inline const __u32* find_exactly(const struct flow* flow, __u32 now) {
    struct shoal_recent_service* recent = get_recent_service();
    if (recent && recent->jiffies == now) {
        const struct shoal_service* service = get_service(recent->service);
        if (service && has_key(service, flow)) return &recent->service;
    }
    struct shoal_service_key key = {
        .port = flow->other_port, .protocol = flow->protocol, .family = FAMILY};
    widen(key.address, flow->other_address);
    const __u32* index = bpf_map_lookup_elem(&services, &key);
    if (index && recent) {
        recent->service = *index;
        recent->jiffies = now;
    }
    return index;
}

/* The index of the virtual server, or NO_SERVICE. */
SLOW_PATH int find_service(const struct flow* flow, __u32 now) {
    if (!flow) return NO_SERVICE;
    const __u32* exact = find_exactly(flow, now);
    if (exact) return *exact;
    struct shoal_port_key ports = {.length = 8 * (sizeof(ports) - sizeof(ports.length)),
                                   .protocol = flow->protocol,
                                   .family = FAMILY,
                                   .port = flow->other_port};
    widen(ports.address, flow->other_address);
    const __u32* range = bpf_map_lookup_elem(&service_ports, &ports);
    return range ? (int)*range : NO_SERVICE;
}

/* Of a virtual server with access lists: the longest prefix decides. */
SLOW_PATH bool may_enter(const struct shoal_service* service, __u32 index,
                         const struct flow* flow) {
    if (!service || !flow) return false;
    struct shoal_access_key key = {.length = 32 + ADDRESS_BITS, .service = index};
    widen(key.address, flow->client_address);
    const __u32* allowed = bpf_map_lookup_elem(&access_list, &key);
    return allowed ? *allowed : !(service->flags & SHOAL_SERVICE_CLOSED);
}

static __always_inline bool has_one_port(const struct shoal_service* service) {
    return !service->key.mark && service->key.port &&
           (!service->last_port || service->last_port == service->key.port);
}

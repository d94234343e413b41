/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What verdicts mean, and per-CPU statistics. */

#include "packet.h"
#include "tables.h"

/* Whether the packet went out by a device: itself, or as an answer to its sender. */
static __always_inline bool is_sent(int verdict) {
    switch (verdict) {
        case SHOAL_VERDICT_forwarded:
        case SHOAL_VERDICT_replied:
        case SHOAL_VERDICT_new_connection:
        case SHOAL_VERDICT_icmp_to_server:
        case SHOAL_VERDICT_icmp_to_client:
        case SHOAL_VERDICT_ttl_answered:
        case SHOAL_VERDICT_stateless:
        case SHOAL_VERDICT_stateless_reply:
        case SHOAL_VERDICT_fragment_held:
        case SHOAL_VERDICT_too_big: /* with the answer to its sender */
            return true;
        default:
            return false;
    }
}

static __always_inline void count_verdict(__u32 verdict) {
    __u64* count = bpf_map_lookup_elem(&verdicts, &verdict);
    if (count) ++*count;
}

static __always_inline void count_in(const struct packet* packet, __u32 service, __u32 server) {
    struct shoal_counters* of_service = bpf_map_lookup_elem(&service_counters, &service);
    struct shoal_counters* of_server = bpf_map_lookup_elem(&server_counters, &server);
    if (!of_service || !of_server) return;
    of_service->packets_in += packet->segments;
    of_service->bytes_in += packet->bytes;
    of_server->packets_in += packet->segments;
    of_server->bytes_in += packet->bytes;
}

static __always_inline void count_out(const struct packet* packet, __u32 service, __u32 server) {
    struct shoal_counters* of_service = bpf_map_lookup_elem(&service_counters, &service);
    struct shoal_counters* of_server = bpf_map_lookup_elem(&server_counters, &server);
    if (!of_service || !of_server) return;
    of_service->packets_out += packet->segments;
    of_service->bytes_out += packet->bytes;
    of_server->packets_out += packet->segments;
    of_server->bytes_out += packet->bytes;
}

static __always_inline void count_connection(__u32 service, __u32 server) {
    struct shoal_counters* of_service = bpf_map_lookup_elem(&service_counters, &service);
    struct shoal_counters* of_server = bpf_map_lookup_elem(&server_counters, &server);
    if (!of_service || !of_server) return;
    ++of_service->connections;
    ++of_server->connections;
}

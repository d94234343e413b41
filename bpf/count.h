/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Per-CPU statistics. */

#include "packet.h"
#include "tables.h"

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

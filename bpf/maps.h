/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Every map of the packet path, but for scratch room. shoald sets the sizes that follow the table
 * size before loading and pins all of them under their names; all objects use the same ones. */

#include "abi.h"
#include "bpf_base.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_settings);
} settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_address_filter);
} address_filter SEC(".maps");

/* settings.buckets entries */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1024);
    __type(key, __u32);
    __type(value, struct shoal_bucket);
} flow_index SEC(".maps");

/* settings.cells entries */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, struct shoal_connection);
} connections SEC(".maps");

/* settings.cells / 16 entries */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, struct shoal_overflow_key);
    __type(value, __u32);
} overflow SEC(".maps");

/* settings.cells entries */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, __u32);
} free_cells SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_free_ring);
} free_ring SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_free_batch);
} free_batch SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_recent_flow);
} recent_flow SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_recent_service);
} recent_service SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SHOAL_USUAL_SERVICES);
    __type(key, struct shoal_service_key);
    __type(value, __u32);
} services SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVICES);
    __type(key, __u32);
    __type(value, struct shoal_service);
} service_table SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVERS);
    __type(key, __u32);
    __type(value, struct shoal_server);
} server_table SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVERS);
    __type(key, __u32);
    __type(value, struct shoal_server_load);
} server_loads SEC(".maps");

/* Persistence templates that name a real server; changed by atomic operations alone. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVERS);
    __type(key, __u32);
    __type(value, __u64);
} server_templates SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVERS);
    __type(key, __u32);
    __type(value, struct shoal_server_detail);
} server_details SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1 << 20);
    __type(key, struct shoal_port_key);
    __type(value, __u32); /* index of the service */
} service_ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1 << 20);
    __type(key, struct shoal_access_key);
    __type(value, __u32);
} access_list SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, SHOAL_MAX_FTP_CONTROLS);
    __type(key, struct shoal_ftp_key);
    __type(value, struct shoal_ftp_control);
} ftp_controls SEC(".maps");

/* Of any number of entries (BPF_F_INNER_MAP); mapped, because its values then begin at a page, each
 * node's parts in the cache lines they are meant for, and because shoald fills it so. Sizes instead
 * of types: Linux 6.1 takes only inner maps whose BTF agrees with this one's, and those that user
 * space makes have none. */
struct shoal_pool_map {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct shoal_pool_node));
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, SHOAL_USUAL_SERVICES);
    __type(key, __u32);
    __array(values, struct shoal_pool_map);
} pools SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVICES);
    __type(key, __u32);
    __type(value, union shoal_cursor);
} scheduler_state SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, SHOAL_USUAL_SERVERS);
    __type(key, struct shoal_origin_key);
    __type(value, struct shoal_origin);
} nat_origins SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_USUAL_SERVICES + 1);
    __type(key, __u32);
    __type(value, __u64);
} stateless_times SEC(".maps");

/* What a packet that is served without a record is forwarded by. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_connection);
} passing_flow SEC(".maps");

/* Its addresses, of IPv6. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_addresses);
} passing_addresses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, SHOAL_MAX_LOCALITIES);
    __type(key, struct shoal_locality_key);
    __type(value, struct shoal_locality);
} locality SEC(".maps");

/* What a new entry of `locality` is filled with: too large for the stack. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_locality);
} no_locality SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_MAX_DEVICES);
    __type(key, __u32);
    __type(value, struct shoal_device);
} devices SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, SHOAL_USUAL_SERVICES);
    __type(key, __u32);
    __type(value, struct shoal_counters);
} service_counters SEC(".maps");

/* shoald's alone: what was counted in entries of service_counters that were given to another
 * virtual server since. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_counters);
} former_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, SHOAL_USUAL_SERVERS);
    __type(key, __u32);
    __type(value, struct shoal_counters);
} server_counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, SHOAL_MAX_FRAGMENTS);
    __type(key, struct shoal_fragment_key);
    __type(value, struct shoal_connection);
} fragments SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, SHOAL_MAX_FRAGMENTS);
    __type(key, struct shoal_fragment_key);
    __type(value, struct shoal_fragment);
} fragments6 SEC(".maps");

/* The programs of IPv6, which those of IPv4 hand its packets to; empty: they pass as foreign. */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} ipv6_tc SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} ipv6_xdp SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, SHOAL_VERDICT_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} verdicts SEC(".maps");

/* shoald's alone: what another version's programs counted in a map of their own. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, SHOAL_MAX_VERDICTS);
    __type(key, __u32);
    __type(value, __u64);
} former_verdicts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_sweeper);
} sweeper SEC(".maps");

/* Apart from `sweeper`, because a timer cannot live in a map that user space writes. Its pin keeps
 * the sweeper running when shoald is dead. */
struct shoal_sweep_timer {
    struct bpf_timer timer;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_sweep_timer);
} sweep_timer SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_trace_filter);
} trace_filter SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_trace_state);
} trace_state SEC(".maps");

/* Of struct shoal_trace_event: some two thousand, what one CPU may send in a fifth of a second. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 18);
} trace_events SEC(".maps");

/* Of struct shoal_signal, for shoald. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 16);
} signals SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_explanation);
} explanation SEC(".maps");

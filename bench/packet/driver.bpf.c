/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* BPF_PROG_TEST_RUN repeats a program on one packet, which stays as the last run left it. These
 * drivers restore what the packet path changes, put in the next flow, and tail-call the program
 * under test. */

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stddef.h>

#include "abi.h"
#include "bpf_base.h"

/* Headers in the pieces that the packet path loads: a load that spans two stores waits until both
 * have left the store buffer, which no packet from a device makes it do. */
struct headers {
    __u64 mac_a;
    __u32 mac_b;
    __u16 ether_type;
    __u16 version_and_service;
    __u64 length_to_protocol;
    __u16 ip_checksum;
    __u32 source;
    __u32 destination;
    __u16 source_port;
    __u16 destination_port;
    __u64 numbers;
    __u16 flags;
    __u16 window;
    __u16 checksum;
    __u16 urgent;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct headers) == ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr),
               "a TCP segment's headers");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} xdp_target SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} tc_target SEC(".maps");

/* What one case sends. */
struct bench_case {
    struct headers headers;
    __u16 bytes;  /* of the frame */
    __u32 flows;  /* power of two */
    __u32 next;   /* flow, counted on by every run */
    __u32 stride; /* odd, so that all flows are visited */
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bench_case);
} bench_case SEC(".maps");

#define PUT(type, field)                               \
    *(type*)(data + offsetof(struct headers, field)) = \
        *(type*)((void*)from + offsetof(struct headers, field))

/* Flow n: the low 15 bits choose one of the upper half of a client's ports (a SYN from port 20 is
 * never balanced), the rest is added to its address. */
static __always_inline bool restore(struct bench_case* next, void* data, void* end) {
    if (data + sizeof(struct headers) > end) return false;
    const struct headers* from = &next->headers;
    PUT(__u64, mac_a);
    PUT(__u32, mac_b);
    PUT(__u16, ether_type);
    PUT(__u16, version_and_service);
    PUT(__u64, length_to_protocol);
    PUT(__u16, ip_checksum);
    PUT(__u32, destination);
    PUT(__u16, destination_port);
    PUT(__u64, numbers);
    PUT(__u16, flags);
    PUT(__u16, window);
    PUT(__u16, checksum);
    __u32 flow = 0;
    if (next->flows > 1) {
        next->next += next->stride;
        flow = next->next & (next->flows - 1);
    }
    *(__u32*)(data + offsetof(struct headers, source)) =
        *(__u32*)((void*)from + offsetof(struct headers, source)) + bpf_htonl(flow >> 15);
    *(__u16*)(data + offsetof(struct headers, source_port)) = bpf_htons(0x8000 | (flow & 0x7fff));
    return true;
}

static __always_inline struct bench_case* get_case(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&bench_case, &zero);
}

/* Takes the headers of a tunnel off again. */
SEC("xdp.frags")
int drive_xdp(struct xdp_md* context) {
    struct bench_case* next = get_case();
    if (!next) return XDP_ABORTED;
    int surplus = context->data_end - context->data - next->bytes;
    if (surplus && bpf_xdp_adjust_head(context, surplus)) return XDP_ABORTED;
    if (!restore(next, (void*)(long)context->data, (void*)(long)context->data_end))
        return XDP_ABORTED;
    bpf_tail_call(context, &xdp_target, 0);
    return XDP_ABORTED;
}

SEC("tc")
int drive_tc(struct __sk_buff* context) {
    struct bench_case* next = get_case();
    if (!next || !restore(next, (void*)(long)context->data, (void*)(long)context->data_end))
        return TC_ACT_SHOT;
    bpf_tail_call(context, &tc_target, 0);
    return TC_ACT_SHOT;
}

SEC("xdp.frags")
int empty_xdp(struct xdp_md* context) {
    (void)context;
    return XDP_TX;
}

SEC("tc")
int empty_tc(struct __sk_buff* context) {
    (void)context;
    return TC_ACT_UNSPEC;
}

/* What the sweeper is measured against: reads of every connection, and nothing else. The map is the
 * packet path's own. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_connection);
} connections SEC(".maps");
const volatile __u32 connection_cells;

#define CELLS_PER_CALL 8

static long read_cells(__u32 call, __u32* sum) {
    for (__u32 i = 0; i < CELLS_PER_CALL; ++i) {
        __u32 cell = call * CELLS_PER_CALL + i;
        const struct shoal_connection* connection = bpf_map_lookup_elem(&connections, &cell);
        if (!connection) return 1;
        *sum += connection->word + connection->seen + connection->protocol;
    }
    return 0;
}

SEC("tc")
int read_connections(struct __sk_buff* context) {
    (void)context;
    __u32 sum = 0;
    bpf_loop(connection_cells / CELLS_PER_CALL, read_cells, &sum, 0);
    return sum;
}

char bench_license[] SEC("license") = "Dual BSD/GPL";

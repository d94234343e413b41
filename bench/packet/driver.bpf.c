/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* BPF_PROG_TEST_RUN repeats a program on one packet, which stays as the last run left it. These
 * drivers restore what the packet path changes, put in the next flow, and tail-call the program
 * under test. */

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
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
    __u64 addresses;
    __u32 ports;
    __u64 numbers;
    __u16 flags;
    __u16 window;
    __u16 checksum;
    __u16 urgent;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct headers) == ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr),
               "a TCP segment's headers");

/* Of IPv6. */
struct headers_v6 {
    __u64 mac_a;
    __u32 mac_b;
    __u16 ether_type;
    __u16 version_and_class;
    __u16 flow_label;
    __u32 length_to_hop_limit;
    __u64 source[2];
    __u64 destination[2];
    __u32 ports;
    __u64 numbers;
    __u16 flags;
    __u16 window;
    __u16 checksum;
    __u16 urgent;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct headers_v6) ==
                   ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct tcphdr),
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
    union {
        struct headers headers;
        struct headers_v6 headers_v6;
    };
    __u16 bytes; /* of the frame */
    __u16 ipv6;
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

#define PUT_OF(headers, type, field)                   \
    *(type*)(data + offsetof(struct headers, field)) = \
        *(type*)((void*)from + offsetof(struct headers, field))
#define PUT(type, field) PUT_OF(headers, type, field)
#define PUT_V6(type, field) PUT_OF(headers_v6, type, field)

/* The low 15 bits of a flow's number choose one of the upper half of a client's ports (a SYN from
 * port 20 is never balanced), the rest is added to its address. */
static __always_inline __u32 next_flow(struct bench_case* next) {
    if (next->flows == 1) return 0;
    next->next += next->stride;
    return next->next & (next->flows - 1);
}

static __always_inline __u16 port_of(__u32 flow) {
    return bpf_htons(0x8000 | (flow & 0x7fff));
}

static __always_inline bool restore_v4(struct bench_case* next, void* data, void* end) {
    if (data + sizeof(struct headers) > end) return false;
    const struct headers* from = &next->headers;
    PUT(__u64, mac_a);
    PUT(__u32, mac_b);
    PUT(__u16, ether_type);
    PUT(__u16, version_and_service);
    PUT(__u64, length_to_protocol);
    PUT(__u16, ip_checksum);
    PUT(__u64, numbers);
    PUT(__u16, flags);
    PUT(__u16, window);
    PUT(__u16, checksum);
    __u32 flow = next_flow(next);
    *(__u64*)(data + offsetof(struct headers, addresses)) =
        *(__u64*)((void*)from + offsetof(struct headers, addresses)) + bpf_htonl(flow >> 15);
    *(__u32*)(data + offsetof(struct headers, ports)) = (from->ports & ~0xffffU) | port_of(flow);
    return true;
}

static __always_inline bool restore_v6(struct bench_case* next, void* data, void* end) {
    if (data + sizeof(struct headers_v6) > end) return false;
    const struct headers_v6* from = &next->headers_v6;
    PUT_V6(__u64, mac_a);
    PUT_V6(__u32, mac_b);
    PUT_V6(__u16, ether_type);
    PUT_V6(__u16, version_and_class);
    PUT_V6(__u16, flow_label);
    PUT_V6(__u32, length_to_hop_limit);
    PUT_V6(__u64, source[0]);
    PUT_V6(__u64, destination[0]);
    PUT_V6(__u64, destination[1]);
    PUT_V6(__u64, numbers);
    PUT_V6(__u16, flags);
    PUT_V6(__u16, window);
    PUT_V6(__u16, checksum);
    __u32 flow = next_flow(next);
    *(__u64*)(data + offsetof(struct headers_v6, source[1])) =
        *(__u64*)((void*)from + offsetof(struct headers_v6, source[1])) +
        ((__u64)bpf_htonl(flow >> 15) << 32);
    *(__u32*)(data + offsetof(struct headers_v6, ports)) = (from->ports & ~0xffffU) | port_of(flow);
    return true;
}

static __always_inline bool restore(struct bench_case* next, void* data, void* end) {
    return next->ipv6 ? restore_v6(next, data, end) : restore_v4(next, data, end);
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

/* As if all that a tunnel's headers say were known beforehand. */
SEC("xdp.frags")
int encapsulate_xdp(struct xdp_md* context) {
    static const __u16 outer[] = {/* MAC addresses, then the type */
                                  0x02, 0, 0, 0x02, 0, 0x0100, bpf_htons(ETH_P_IP),
                                  /* 10.0.0.1 to 10.0.0.2, of whatever length */
                                  bpf_htons(0x4500), bpf_htons(60), 0, 0, bpf_htons(0x4004),
                                  bpf_htons(0x26be), bpf_htons(0x0a00), bpf_htons(1),
                                  bpf_htons(0x0a00), bpf_htons(2)};
    _Static_assert(sizeof(outer) == ETH_HLEN + sizeof(struct iphdr), "both headers");
    if (bpf_xdp_adjust_head(context, -(int)sizeof(struct iphdr))) return XDP_ABORTED;
    struct {
        __u16 word[ETH_HLEN / 2 + sizeof(struct iphdr) / 2];
    }* headers = (void*)(long)context->data;
    if ((void*)(headers + 1) > (void*)(long)context->data_end) return XDP_ABORTED;
    __builtin_memcpy(headers, outer, sizeof(outer));
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

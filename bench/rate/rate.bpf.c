/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* A generator of small UDP datagrams, run as live frames, and sinks that count them. */

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include "bpf_base.h"

#define FRAME_BYTES 60
#define FIRST_PORT 1024

/* Set before loading: the frame from port 0, with its checksums; how many ports it comes from. */
const volatile __u8 frame[FRAME_BYTES];
const volatile __u32 flows = 1; /* a power of two */

__u64 next_flow;
__u64 sunk;

/* A frame comes back as the last receiver left it: everything is written anew. XDP_TX: out by the
 * device that it claims to have come in by. */
SEC("xdp")
int generate(struct xdp_md* context) {
    __u8* data = (void*)(long)context->data;
    __u8* end = (void*)(long)context->data_end;
    if (data + FRAME_BYTES > end) return XDP_DROP;
    for (int i = 0; i < FRAME_BYTES; i += 4)
        *(__u32*)(data + i) = *(const volatile __u32*)(frame + i);
    struct udphdr* udp = (void*)(data + ETH_HLEN + sizeof(struct iphdr));
    __be16 port = bpf_htons(FIRST_PORT + (next_flow++ & (flows - 1)));
    __u32 sum = (__u16)~udp->check + (__u32)port;
    udp->source = port;
    udp->check = ~((sum & 0xffff) + (sum >> 16));
    return XDP_TX;
}

static __always_inline bool is_generated(const __u8* data, const __u8* end) {
    return data + FRAME_BYTES <= end && *(const __be16*)(data + 12) == bpf_htons(ETH_P_IP) &&
           data[ETH_HLEN + 9] == IPPROTO_UDP;
}

SEC("xdp")
int sink_xdp(struct xdp_md* context) {
    if (!is_generated((void*)(long)context->data, (void*)(long)context->data_end)) return XDP_PASS;
    ++sunk;
    return XDP_DROP;
}

SEC("tc")
int sink_tc(struct __sk_buff* context) {
    if (!is_generated((void*)(long)context->data, (void*)(long)context->data_end))
        return TC_ACT_UNSPEC;
    ++sunk;
    return TC_ACT_SHOT;
}

char rate_license[] SEC("license") = "Dual BSD/GPL";

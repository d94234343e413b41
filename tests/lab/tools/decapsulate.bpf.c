// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel's ipip, sit, ip6tnl, gre, ip6gre and fou devices do on a real server, at tc
// ingress: takes off the headers of a tunnel that ends at this host's own address. Out of IPv6
// nothing comes that is shorter than its header: bpf_skb_adjust_room() refuses it.
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stddef.h>

#include "bpf_base.h"

#define GUE_PORT 6080

/* The frame type of what an IP protocol number or a GUE header's names; 0: nothing of a tunnel. */
static __always_inline __be16 type_of(__u8 protocol) {
    if (protocol == IPPROTO_IPIP) return bpf_htons(ETH_P_IP);
    return protocol == IPPROTO_IPV6 ? bpf_htons(ETH_P_IPV6) : 0;
}

/* Behind an outer header of so many bytes: what the inner packet is, and where it begins. */
static __always_inline __be16 look_inside(struct __sk_buff* context, __u8 protocol,
                                          __u32* headers) {
    __be32 next[3]; /* GRE, or UDP and GUE */
    if (protocol != IPPROTO_GRE && protocol != IPPROTO_UDP) return type_of(protocol);
    if (bpf_skb_load_bytes(context, ETH_HLEN + *headers, next, sizeof(next))) return 0;
    if (protocol == IPPROTO_GRE) {
        *headers += 4;
        __u32 gre = bpf_ntohl(next[0]);
        return gre == ETH_P_IP || gre == ETH_P_IPV6 ? bpf_htons(gre) : 0;
    }
    *headers += sizeof(struct udphdr) + 4;
    __u32 gue = bpf_ntohl(next[2]);
    return (bpf_ntohl(next[0]) & 0xffff) == GUE_PORT && !(gue & 0xff00ffff) ? type_of(gue >> 16)
                                                                            : 0;
}

SEC("tc")
int decapsulate(struct __sk_buff* context) {
    __u8 protocol;
    __u32 headers;
    if (context->protocol == bpf_htons(ETH_P_IP)) {
        headers = sizeof(struct iphdr);
        if (bpf_skb_load_bytes(context, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, 1))
            return TC_ACT_UNSPEC;
    } else if (context->protocol == bpf_htons(ETH_P_IPV6)) {
        headers = sizeof(struct ipv6hdr);
        if (bpf_skb_load_bytes(context, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), &protocol, 1))
            return TC_ACT_UNSPEC;
    } else {
        return TC_ACT_UNSPEC;
    }
    __be16 type = look_inside(context, protocol, &headers);
    if (!type) return TC_ACT_UNSPEC;
    if (bpf_skb_adjust_room(context, -(int)headers, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
        return TC_ACT_SHOT;
    if (type == (__be16)context->protocol) return TC_ACT_UNSPEC;
    /* The other family: the kernel takes the frame in anew, and reads its type. */
    if (bpf_skb_store_bytes(context, offsetof(struct ethhdr, h_proto), &type, sizeof(type), 0))
        return TC_ACT_SHOT;
    return bpf_redirect(context->ifindex, BPF_F_INGRESS);
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the kernel's ipip, gre and fou devices do on a real server, at tc ingress: takes off the
// headers of a tunnel that ends at this host's own address.
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include "bpf_base.h"

#define GUE_PORT 6080

SEC("tc")
int decapsulate(struct __sk_buff* context) {
    struct iphdr ip;
    __be32 next[3]; /* GRE, or UDP and GUE */
    if (context->protocol != bpf_htons(ETH_P_IP) ||
        bpf_skb_load_bytes(context, ETH_HLEN, &ip, sizeof(ip)) ||
        bpf_skb_load_bytes(context, ETH_HLEN + sizeof(ip), next, sizeof(next)))
        return TC_ACT_UNSPEC;
    __u32 headers = 0;
    if (ip.protocol == IPPROTO_IPIP) headers = sizeof(ip);
    if (ip.protocol == IPPROTO_GRE && next[0] == bpf_htonl(ETH_P_IP)) headers = sizeof(ip) + 4;
    if (ip.protocol == IPPROTO_UDP && (bpf_ntohl(next[0]) & 0xffff) == GUE_PORT &&
        next[2] == bpf_htonl(IPPROTO_IPIP << 16))
        headers = sizeof(ip) + sizeof(struct udphdr) + 4;
    if (headers &&
        bpf_skb_adjust_room(context, -(int)headers, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
        return TC_ACT_SHOT;
    return TC_ACT_UNSPEC;
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

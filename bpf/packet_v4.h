/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets of IPv4; included by packet.h. */

/* Of frag_off. */
#define MORE_FRAGMENTS 0x2000
#define FRAGMENT_OFFSET 0x1fff

static __always_inline bool is_first_fragment(const struct packet* packet) {
    return !is_xdp && packet->ip->frag_off & bpf_htons(MORE_FRAGMENTS);
}

static __always_inline bool is_icmp(const struct packet* packet) {
    return packet->ip->protocol == IPPROTO_ICMP;
}

static __always_inline __u8 protocol_of(const struct packet* packet) {
    return packet->ip->protocol;
}

/* Up to the ports; what is no TCP or UDP, or no beginning of it, is told by the result. */
static __always_inline int parse_transport(hook_context* context, struct packet* packet) {
    const struct iphdr* ip = packet->ip;
    if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
        return !is_xdp && ip->protocol == IPPROTO_ICMP ? OF_ICMP : SHOAL_VERDICT_not_balanced;

    if (ip->version != 4 || ip->ihl < 5) return SHOAL_VERDICT_truncated;
    if (is_xdp && ip->ihl != 5) return SHOAL_VERDICT_passed_up;
    if (ip->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET)) {
        if (is_xdp) return SHOAL_VERDICT_passed_up;
        if (ip->frag_off & bpf_htons(FRAGMENT_OFFSET)) return LATER_FRAGMENT;
    }
    packet->header_bytes = is_xdp ? sizeof(struct iphdr) : ip->ihl * 4;
    return parse_ports(context, packet, ip->protocol);
}

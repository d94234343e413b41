/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The packet as both hooks see it. Pointers are good until a helper changes the packet. */

#include <stddef.h>

#include "family.h"
#include "tcp_states.h"

/* Returned by the steps of the packet path while the verdict is open. */
#define UNDECIDED (-1)
/* At tc, packets that go a way of their own. */
#define OF_ICMP (-2)
#define LATER_FRAGMENT (-3)
/* Of IPv6, in the program of IPv4. */
#define OTHER_FAMILY (-4)

struct packet {
    struct ethhdr* ethernet;
    ip_header* ip;
    void* transport;
    void* end;
    __u32 header_bytes; /* of the IP header, with extension headers */
    __u32 bytes;        /* of the IP packet; of all segments where it is an offloaded aggregate */
    __u32 segments;
    __be16 source_port;
    __be16 destination_port;
    __u8 tcp_flags;
    int sent; /* the hook's return value once the packet is on its way */
    /* Of IPv6, where extension headers may hide them. */
    __u8 protocol;
    bool first_fragment;
    __u32 identification; /* of a fragment, as loaded by the CPU */
};

#define LONGEST_HEADERS (ETH_HLEN + LONGEST_IP_HEADER + (int)sizeof(struct tcphdr))

#if defined(HOOK_XDP)
static __always_inline void load_pointers(hook_context* context, struct packet* packet) {
    packet->ethernet = (void*)(long)context->data;
    packet->end = (void*)(long)context->data_end;
}
#else
static __always_inline void load_pointers(hook_context* context, struct packet* packet) {
    packet->ethernet = (void*)(long)context->data;
    packet->end = (void*)(long)context->data_end;
    /* Headers may lie outside the linear part. */
    __u32 linear = packet->end - (void*)packet->ethernet;
    if (linear < LONGEST_HEADERS && linear < context->len) {
        bpf_skb_pull_data(context, context->len < LONGEST_HEADERS ? context->len : LONGEST_HEADERS);
        packet->ethernet = (void*)(long)context->data;
        packet->end = (void*)(long)context->data_end;
    }
}
#endif

/* Ethernet and the fixed part of the IP header; nothing is said about the packet's soundness. */
static __always_inline int parse_addresses(hook_context* context, struct packet* packet) {
#if defined(HOOK_TC)
    /* A tagged frame belongs to the VLAN device. A frame that is not addressed to us alone (a
     * broadcast, or one seen because the device is promiscuous) is not ours to balance, as in IPVS.
     * PACKET_HOST is 0 since Linux 1.3. */
    if (context->vlan_present || context->pkt_type != 0) return SHOAL_VERDICT_foreign;
#endif
    load_pointers(context, packet);
    packet->ip = (void*)(packet->ethernet + 1);
    if ((void*)packet->ip > packet->end) return SHOAL_VERDICT_foreign;
    __be16 type = *(__be16*)((void*)packet->ethernet + offsetof(struct ethhdr, h_proto));
    if (type != bpf_htons(FAMILY_TYPE))
        return type == bpf_htons(ETH_P_IPV6) ? OTHER_FAMILY : SHOAL_VERDICT_foreign;
    if ((void*)(packet->ip + 1) > packet->end) return SHOAL_VERDICT_truncated;
    return UNDECIDED;
}

/* What bytes and segments to count, and whether the lengths agree: the transport claims so many
 * bytes, of its header under TCP, of all of it under UDP. */
static __always_inline int measure(hook_context* context, struct packet* packet,
                                   __u32 transport_bytes) {
    __u32 total = ip_bytes(packet->ip);
    packet->segments = 1;
    packet->bytes = total;
#if defined(HOOK_TC)
    __u32 segments = context->gso_segs;
    if (segments) {
        packet->segments = segments;
        packet->bytes = context->len - ETH_HLEN;
        return UNDECIDED;
    }
    if (total > context->len - ETH_HLEN) return SHOAL_VERDICT_truncated;
#else
    if (total > (__u32)(packet->end - (void*)packet->ip) &&
        total > bpf_xdp_get_buff_len(context) - ETH_HLEN)
        return SHOAL_VERDICT_truncated;
#endif
    if (total < packet->header_bytes + transport_bytes) return SHOAL_VERDICT_truncated;
    return UNDECIDED;
}

/* The first one of several. Of packets that parse_transport() has let through. */
static __always_inline bool is_first_fragment(const struct packet* packet);

/* TCP or UDP (`protocol`) behind header_bytes. */
static __always_inline int parse_ports(hook_context* context, struct packet* packet,
                                       __u8 protocol) {
    __u32 transport_bytes = sizeof(struct udphdr);
    packet->transport = (void*)packet->ip + packet->header_bytes;
    if (packet->transport + sizeof(struct udphdr) > packet->end) return SHOAL_VERDICT_truncated;
    const struct udphdr* ports = packet->transport;
    packet->source_port = ports->source;
    packet->destination_port = ports->dest;
    if (protocol == IPPROTO_TCP) {
        if (packet->transport + sizeof(struct tcphdr) > packet->end) return SHOAL_VERDICT_truncated;
        packet->tcp_flags = ((const __u8*)packet->transport)[13];
        transport_bytes = (((const __u8*)packet->transport)[12] >> 4) * 4;
        if (transport_bytes < sizeof(struct tcphdr)) return SHOAL_VERDICT_truncated;
    } else if (!is_first_fragment(packet)) {
        transport_bytes = bpf_ntohs(ports->len);
        if (transport_bytes < sizeof(struct udphdr)) return SHOAL_VERDICT_truncated;
    }
    return measure(context, packet, transport_bytes);
}

#if defined(FAMILY_6)
#include "packet_v6.h"
#else
#include "packet_v4.h"
#endif

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets of IPv6; included by packet.h. XDP leaves what has extension headers to tc. */

#define MOST_EXTENSIONS 6

/* The extension headers that may stand before a TCP or UDP header (RFC 8200, 4.1). Of others,
 * encrypted ones for instance, only the kernel knows what follows. */
#define HOP_BY_HOP 0
#define ROUTING 43
#define FRAGMENT 44
#define DESTINATION_OPTIONS 60

#define MORE_FRAGMENTS 0x0001
#define FRAGMENT_OFFSET 0xfff8

struct fragment_header {
    __u8 next;
    __u8 reserved;
    __be16 offset; /* in bytes, but for the low three bits */
    __be32 identification;
};

static __always_inline bool is_extension(__u8 next) {
    return next == HOP_BY_HOP || next == ROUTING || next == FRAGMENT || next == DESTINATION_OPTIONS;
}

static __always_inline bool is_first_fragment(const struct packet* packet) {
    return !is_xdp && packet->first_fragment;
}

static __always_inline __u8 protocol_of(const struct packet* packet) {
    return packet->protocol;
}

/* Behind extension headers it is the kernel's. */
static __always_inline bool is_icmp(const struct packet* packet) {
    return packet->ip->nexthdr == IPPROTO_ICMPV6;
}

#if defined(HOOK_TC)

/* What find_transport() returns: the protocol in the low byte, header_bytes behind it, and of a
 * fragment the identification in the upper half. */
#define FOUND_BYTES_SHIFT 8
#define FOUND_BYTES_MASK 0x3fff /* six headers of 2048 bytes at most */
#define FOUND_FIRST_FRAGMENT (1U << 24)
#define FOUND_LATER_FRAGMENT (1U << 25)
#define FOUND_CUT_SHORT (1U << 26)
#define FOUND_IDENTIFICATION_SHIFT 32
SHOAL_ASSERT(MOST_EXTENSIONS * 2048 + sizeof(struct ipv6hdr) <= FOUND_BYTES_MASK, "fits");

static __always_inline __u32 found_bytes(__u64 found) {
    return found >> FOUND_BYTES_SHIFT & FOUND_BYTES_MASK;
}

/* Goes through the extension headers of the IPv6 header at `start` in the frame. An extension
 * header as protocol: there are more of them than anybody uses, or the packet is not at its
 * destination yet. Nothing is said about how much lies behind. */
SLOW_PATH __u64 find_transport(hook_context* context, __u32 start) {
    struct ipv6hdr ip = {};
    if (bpf_skb_load_bytes(context, start, &ip, sizeof(ip))) return FOUND_CUT_SHORT;
    __u8 next = ip.nexthdr;
    __u32 bytes = sizeof(ip);
    __u64 fragment = 0;
    for (int i = 0; i < MOST_EXTENSIONS; ++i) {
        struct fragment_header header = {}; /* any one is at least as long */
        if (!is_extension(next) || (i && next == HOP_BY_HOP)) break;
        if (bpf_skb_load_bytes(context, start + bytes, &header, sizeof(header)))
            return FOUND_CUT_SHORT;
        if (next == FRAGMENT) {
            __u16 offset = bpf_ntohs(header.offset);
            bytes += sizeof(header);
            next = header.next;
            fragment = (__u64)header.identification << FOUND_IDENTIFICATION_SHIFT;
            if (offset & FRAGMENT_OFFSET) {
                fragment |= FOUND_LATER_FRAGMENT;
                break;
            }
            if (offset & MORE_FRAGMENTS) fragment |= FOUND_FIRST_FRAGMENT;
        } else {
            /* Segments left: the low byte of where a fragment's offset stands. */
            if (next == ROUTING && bpf_ntohs(header.offset) & 0xff) break;
            bytes += (header.reserved + 1) * 8;
            next = header.next;
        }
    }
    return fragment | bytes << FOUND_BYTES_SHIFT | next;
}

/* The pointers anew, with the transport header in the linear part. */
static __always_inline bool load_transport(hook_context* context, struct packet* packet) {
    __u32 wanted = ETH_HLEN + packet->header_bytes + sizeof(struct tcphdr);
    if (wanted > context->len) wanted = context->len;
    bpf_skb_pull_data(context, wanted);
    packet->ethernet = (void*)(long)context->data;
    packet->end = (void*)(long)context->data_end;
    packet->ip = (void*)(packet->ethernet + 1);
    return (void*)(packet->ip + 1) <= packet->end;
}

static __always_inline int skip_extensions(hook_context* context, struct packet* packet) {
    __u64 found = find_transport(context, ETH_HLEN);
    packet->protocol = found;
    packet->header_bytes = found_bytes(found);
    packet->first_fragment = found & FOUND_FIRST_FRAGMENT;
    packet->identification = found >> FOUND_IDENTIFICATION_SHIFT;
    bool usable = load_transport(context, packet);
    if (!usable || found & FOUND_CUT_SHORT) return SHOAL_VERDICT_truncated;
    return found & FOUND_LATER_FRAGMENT ? LATER_FRAGMENT : UNDECIDED;
}

#else

static __always_inline int skip_extensions(hook_context* context, struct packet* packet) {
    (void)context, (void)packet;
    return SHOAL_VERDICT_passed_up;
}

#endif

/* Up to the ports; what is no TCP or UDP, or no beginning of it, is told by the result. */
static __always_inline int parse_transport(hook_context* context, struct packet* packet) {
    if (packet->ip->version != 6) return SHOAL_VERDICT_truncated;
    packet->protocol = packet->ip->nexthdr;
    packet->header_bytes = sizeof(struct ipv6hdr);
    if (is_extension(packet->protocol)) {
        int verdict = skip_extensions(context, packet);
        if (verdict != UNDECIDED && verdict != LATER_FRAGMENT) return verdict;
        /* What follows a later fragment's header is for the first one to say. */
        if (verdict == LATER_FRAGMENT &&
            (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP ||
             packet->protocol == IPPROTO_DSTOPTS))
            return verdict;
    }
    if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
        return !is_xdp && packet->protocol == IPPROTO_ICMPV6 ? OF_ICMP : SHOAL_VERDICT_not_balanced;
    return parse_ports(context, packet, packet->protocol);
}

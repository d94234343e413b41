/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMP errors of IPv4; included by icmp.h. */

/* Ethernet, both IP headers with all options, ICMP, and of the quoted transport header as much as
 * holds a TCP checksum; only its first eight bytes are sure to be there (RFC 792). */
#define LONGEST_ERROR (ETH_HLEN + 60 + (int)sizeof(struct icmp_header) + 60 + 20)
static __always_inline void load_error(hook_context* context, struct packet* packet) {
    __u32 wanted = context->len < LONGEST_ERROR ? context->len : LONGEST_ERROR;
    packet->ethernet = (void*)(long)context->data;
    packet->end = (void*)(long)context->data_end;
    if ((__u32)(packet->end - (void*)packet->ethernet) < wanted) {
        bpf_skb_pull_data(context, wanted);
        packet->ethernet = (void*)(long)context->data;
        packet->end = (void*)(long)context->data_end;
    }
    packet->ip = (void*)(packet->ethernet + 1);
}

static __always_inline bool is_error(const struct icmp_header* icmp) {
    return icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_SOURCE_QUENCH ||
           icmp->type == ICMP_TIME_EXCEEDED || icmp->type == ICMP_PARAMETER_PROBLEM;
}

/* Not: too big for the way. */
static __always_inline bool says_unreachable(const struct icmp_header* icmp) {
    return icmp->type == ICMP_UNREACHABLE && icmp->code != ICMP_TOO_BIG;
}

/* The quoted packet; what is no TCP or UDP, or no beginning of it, is somebody else's. */
static __always_inline enum error_kind parse_quoted(const struct packet* packet, __u32 room,
                                                    struct icmp_error* error) {
    struct iphdr* ip = (void*)(error->icmp + 1);
    if ((void*)(ip + 1) > packet->end || room < sizeof(*ip) || ip->version != 4 || ip->ihl < 5)
        return ERROR_MALFORMED;
    if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP) return ERROR_OTHER;
    if (ip->frag_off & bpf_htons(FRAGMENT_OFFSET)) return ERROR_OTHER;
    __u32 header_bytes = ip->ihl * 4;
    void* ports = (void*)ip + header_bytes;
    if (ports + QUOTED_TRANSPORT > packet->end || room < header_bytes + QUOTED_TRANSPORT)
        return ERROR_MALFORMED;
    error->ip = ip;
    error->ports = ports;
    error->protocol = ip->protocol;
    error->has_tcp_checksum = ip->protocol == IPPROTO_TCP &&
                              room >= header_bytes + offsetof(struct tcphdr, check) + sizeof(__u16);
    /* RFC 1122, 3.2.2: an error goes to who sent the packet that it is about. */
    return ip->saddr == packet->ip->daddr ? ERROR_USABLE : ERROR_OTHER;
}

static __always_inline enum error_kind parse_error(hook_context* context, struct packet* packet,
                                                   struct icmp_error* error) {
    load_error(context, packet);
    const struct iphdr* ip = packet->ip;
    if ((void*)(ip + 1) > packet->end || ip->version != 4 || ip->ihl < 5) return ERROR_MALFORMED;
    if (ip->frag_off & bpf_htons(MORE_FRAGMENTS | FRAGMENT_OFFSET)) return ERROR_OTHER;
    packet->header_bytes = ip->ihl * 4;
    packet->bytes = bpf_ntohs(ip->tot_len);
    packet->segments = 1;
    error->icmp = (void*)ip + packet->header_bytes;
    __u32 headers = packet->header_bytes + sizeof(*error->icmp);
    if ((void*)(error->icmp + 1) > packet->end || packet->bytes < headers ||
        packet->bytes > context->len - ETH_HLEN)
        return ERROR_MALFORMED;
    return is_error(error->icmp) ? parse_quoted(packet, packet->bytes - headers, error)
                                 : ERROR_OTHER;
}

/* An address and the sum over its header change by opposite amounts, so that the ICMP checksum
 * learns of the ports and their checksum alone. */
static __always_inline void translate_quoted(const struct packet* packet, struct icmp_error* error,
                                             const struct translation* change) {
    __u32 addresses = address_difference(change->old_address, change->new_address);
    __u32 ports = port_difference(change->old_port, change->new_port);
    __u32 around = ports;
    error->ip->check = adjust_checksum(error->ip->check, addresses);
    if (error->ip->protocol == IPPROTO_UDP) {
        around += adjust_quoted(&error->ports->check, addresses + ports, true);
    } else if (error->has_tcp_checksum) {
        __u16* checksum = (void*)error->ports + offsetof(struct tcphdr, check);
        if ((void*)(checksum + 1) <= packet->end)
            around += adjust_quoted(checksum, addresses + ports, false);
    }
    error->icmp->checksum = adjust_checksum(error->icmp->checksum, around);
}

/* The ICMP checksum does not cover it. */
static __always_inline void cover_outer(const hook_context* context, const struct icmp_error* error,
                                        __u32 difference) {
    (void)context, (void)error, (void)difference;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMPv6 errors; included by icmp.h. */

static __always_inline bool is_error(__u8 type) {
    return type == ICMPV6_UNREACHABLE || type == ICMPV6_PACKET_TOO_BIG ||
           type == ICMPV6_TIME_EXCEEDED || type == ICMPV6_PARAMETER_PROBLEM;
}

static __always_inline bool says_unreachable(const struct icmp_header* icmp) {
    return icmp->type == ICMPV6_UNREACHABLE;
}

/* The pointers, to headers at these places in the frame. */
static __always_inline bool load_error(hook_context* context, struct packet* packet,
                                       struct icmp_error* error, __u32 icmp_at, __u32 ports_at) {
    __u32 wanted = ports_at + sizeof(struct tcphdr);
    bpf_skb_pull_data(context, wanted < context->len ? wanted : context->len);
    packet->ethernet = (void*)(long)context->data;
    packet->end = (void*)(long)context->data_end;
    packet->ip = (void*)(packet->ethernet + 1);
    error->icmp = (void*)packet->ethernet + icmp_at;
    error->ip = (void*)(error->icmp + 1);
    error->ports = (void*)packet->ethernet + ports_at;
    return (void*)(packet->ip + 1) <= packet->end && (void*)(error->ip + 1) <= packet->end &&
           (void*)error->ports + QUOTED_TRANSPORT <= packet->end;
}

/* Behind the header at `at` an ICMPv6 error: 0 if so, and `*bytes` are how long the headers are. */
static __always_inline enum error_kind find_error(hook_context* context, __u32* bytes) {
    struct icmp_header icmp = {};
    __u64 found = find_transport(context, ETH_HLEN);
    *bytes = found_bytes(found);
    if (found & FOUND_CUT_SHORT) return ERROR_MALFORMED;
    if (found & (FOUND_FIRST_FRAGMENT | FOUND_LATER_FRAGMENT) || (__u8)found != IPPROTO_ICMPV6)
        return ERROR_OTHER;
    if (bpf_skb_load_bytes(context, ETH_HLEN + *bytes, &icmp, sizeof(icmp))) return ERROR_MALFORMED;
    return is_error(icmp.type) ? ERROR_USABLE : ERROR_OTHER;
}

static __always_inline enum error_kind parse_error(hook_context* context, struct packet* packet,
                                                   struct icmp_error* error) {
    enum error_kind kind = find_error(context, &packet->header_bytes);
    if (kind != ERROR_USABLE) return kind;
    __u32 icmp_at = ETH_HLEN + packet->header_bytes;
    __u32 quoted_at = icmp_at + sizeof(*error->icmp);
    __u64 quoted = find_transport(context, quoted_at);
    error->protocol = quoted;
    if (quoted & FOUND_CUT_SHORT) return ERROR_MALFORMED;
    if (error->protocol != IPPROTO_TCP && error->protocol != IPPROTO_UDP) return ERROR_OTHER;
    if (quoted & FOUND_LATER_FRAGMENT) return ERROR_OTHER;
    __u32 ports_at = quoted_at + found_bytes(quoted);
    if (!load_error(context, packet, error, icmp_at, ports_at)) return ERROR_MALFORMED;
    packet->bytes = ip_bytes(packet->ip);
    packet->segments = 1;
    __u32 end = ETH_HLEN + packet->bytes;
    if (packet->ip->version != 6 || error->ip->version != 6 || end > context->len ||
        ports_at + QUOTED_TRANSPORT > end)
        return ERROR_MALFORMED;
    error->has_tcp_checksum = error->protocol == IPPROTO_TCP &&
                              ports_at + offsetof(struct tcphdr, check) + sizeof(__u16) <= end;
    return same_address(source_of(error->ip), destination_of(packet->ip)) ? ERROR_USABLE
                                                                          : ERROR_OTHER;
}

/* The quoted transport checksum makes up for the quoted addresses, where it is there. */
static __always_inline void translate_quoted(const struct packet* packet, struct icmp_error* error,
                                             const struct translation* change) {
    __u32 inside = address_difference(change->old_address, change->new_address) +
                   port_difference(change->old_port, change->new_port);
    __u32 around = inside;
    if (error->protocol == IPPROTO_UDP) {
        around += adjust_quoted(&error->ports->check, inside, true);
    } else if (error->has_tcp_checksum) {
        __u16* checksum = (void*)error->ports + offsetof(struct tcphdr, check);
        if ((void*)(checksum + 1) <= packet->end) around += adjust_quoted(checksum, inside, false);
    }
    error->icmp->checksum = adjust_checksum(error->icmp->checksum, around);
}

/* The ICMPv6 checksum covers the addresses around it too, and makes up for them. */
static __always_inline void cover_outer(const hook_context* context, const struct icmp_error* error,
                                        __u32 difference) {
    error->icmp->checksum = adjust_checksum(error->icmp->checksum, difference);
    add_to_device_sum(context, (__u16)~fold(difference));
}

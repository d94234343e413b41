/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The headers of ICMPv6 errors; included by icmp_reply.h. */

/* Errors go to one host that sent one packet to one host (RFC 4443, 2.4). PACKET_HOST is 0 since
 * Linux 1.3. */
static __always_inline bool may_be_told(const hook_context* context, const struct ipv6hdr* ip) {
    return context->pkt_type == 0 && !is_no_client(source_of(ip));
}

static __always_inline __u32 sum_of_words(__u64 half) {
    return half_difference(~0ULL, half);
}

/* Of what transport checksums cover of the header. */
static __always_inline __u32 pseudo_header(const struct ipv6hdr* ip, __u32 bytes) {
    ip_address source = source_of(ip), destination = destination_of(ip);
    return sum_of_words(source.half[0]) + sum_of_words(source.half[1]) +
           sum_of_words(destination.half[0]) + sum_of_words(destination.half[1]) +
           (__u16)bpf_htons(bytes) + (__u16)bpf_htons(bytes >> 16) + bpf_htons(ip->nexthdr);
}

/* The value of a transport checksum that the device has still to complete: the pseudo header's sum,
 * not complemented. */
static __always_inline __u16 partial_checksum(const struct ipv6hdr* ip, __u32 transport_bytes) {
    return fold(pseudo_header(ip, transport_bytes));
}

/* Where extension headers follow, that a checksum is partial is not seen. */
static __always_inline __u32 quoted_header_bytes(const struct ipv6hdr* ip) {
    (void)ip;
    return sizeof(*ip);
}

static __always_inline __u8 quoted_protocol(const struct ipv6hdr* ip) {
    return ip->nexthdr;
}

/* `ip` is zero, `bytes` are those behind it. */
static __always_inline void fill_header(struct ipv6hdr* ip, ip_address source,
                                        ip_address destination, __u32 bytes) {
    ip->version = 6;
    ip->payload_len = bpf_htons(bytes);
    ip->nexthdr = IPPROTO_ICMPV6;
    ip->hop_limit = 64;
    set_source(ip, source);
    set_destination(ip, destination);
}

static __always_inline __u32 covered_header(const struct ipv6hdr* ip, __u32 bytes) {
    return pseudo_header(ip, bytes);
}

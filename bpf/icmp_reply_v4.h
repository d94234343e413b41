/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The headers of ICMP errors about IPv4; included by icmp_reply.h. */

/* Errors go to one host that sent one packet to one host (RFC 1122, 3.2.2). PACKET_HOST is 0 since
 * Linux 1.3. */
static __always_inline bool may_be_told(const hook_context* context, const struct iphdr* ip) {
    __u8 network = *(const __u8*)&ip->saddr;
    return context->pkt_type == 0 && network != 0 && network != 127 && network < 224;
}

/* The value of a transport checksum that the device has still to complete: the pseudo header's sum,
 * not complemented. */
static __always_inline __u16 partial_checksum(const struct iphdr* ip, __u32 transport_bytes) {
    __u32 sum = (ip->saddr & 0xffff) + (ip->saddr >> 16) + (ip->daddr & 0xffff) +
                (ip->daddr >> 16) + bpf_htons(ip->protocol) + (__u16)bpf_htons(transport_bytes) +
                (__u16)bpf_htons(transport_bytes >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u32 quoted_header_bytes(const struct iphdr* ip) {
    return ip->ihl * 4;
}

static __always_inline __u8 quoted_protocol(const struct iphdr* ip) {
    return ip->protocol;
}

/* `ip` is zero, `bytes` are those behind it. */
static __always_inline void fill_header(struct iphdr* ip, ip_address source, ip_address destination,
                                        __u32 bytes) {
    ip->version = 4;
    ip->ihl = sizeof(*ip) / 4;
    ip->tos = 0xc0; /* internetwork control, as RFC 1812, 4.3.2.5 wants errors to be */
    ip->tot_len = bpf_htons(sizeof(*ip) + bytes);
    ip->ttl = 64;
    ip->protocol = IPPROTO_ICMP;
    ip->saddr = source;
    ip->daddr = destination;
    ip->check = ~fold(bpf_csum_diff(NULL, 0, (void*)ip, sizeof(*ip), 0));
}

/* The ICMP checksum covers nothing of it. */
static __always_inline __u32 covered_header(const struct iphdr* ip, __u32 bytes) {
    (void)ip, (void)bytes;
    return 0;
}

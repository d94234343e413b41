/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* IPv6; see family.h. */

#include <linux/ipv6.h>

#include "abi.h"
#include "checksum.h"
#include "hook.h"

#define FAMILY 6
#define ADDRESS_FAMILY AF_INET6
#define ADDRESS_BITS 128
#define FAMILY_TYPE ETH_P_IPV6
#define LONGEST_IP_HEADER 40 /* without extension headers */
#define FAMILY_WORD SHOAL_WORD_IPV6

/* Scratch room whose layout is the family's. */
#define OF_FAMILY(map) map##_ipv6

/* By halves: half as many instructions as by words. */
typedef struct {
    __u64 half[2];
} ip_address;
typedef struct ipv6hdr ip_header;

typedef __u64 __attribute__((may_alias)) address_half;

static __always_inline bool same_address(ip_address a, ip_address b) {
    return !((a.half[0] ^ b.half[0]) | (a.half[1] ^ b.half[1]));
}

static __always_inline __u32 fold_address(ip_address address) {
    __u64 both = address.half[0] ^ address.half[1];
    return both ^ both >> 32;
}

/* Hash keys hold addresses at multiples of four. */
static __always_inline void widen(__be32 wide[4], ip_address address) {
    wide[0] = address.half[0];
    wide[1] = address.half[0] >> 32;
    wide[2] = address.half[1];
    wide[3] = address.half[1] >> 32;
}
SHOAL_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first word is the lower half");

/* Of a record in a map, where addresses lie at multiples of eight. */
static __always_inline ip_address narrow(const __be32 wide[4]) {
    const address_half* half = (const address_half*)wide;
    ip_address address = {{half[0], half[1]}};
    return address;
}

/* As of IPv4. */
static __always_inline ip_address real_address_of(const struct shoal_server* server) {
    return narrow(server->address);
}

static __always_inline void put_address(__be32 wide[4], ip_address address) {
    address_half* half = (address_half*)wide;
    half[0] = address.half[0];
    half[1] = address.half[1];
}

static __always_inline ip_address number_address(__u32 number) {
    ip_address address = {{number, 0}};
    return address;
}

static __always_inline __u32 address_number(ip_address address) {
    return address.half[0];
}

/* The first `bits` of eight bytes in network byte order. */
static __always_inline __u64 first_bits(__u32 bits) {
    if (!bits) return 0;
    return bits >= 64 ? ~0ULL : bpf_cpu_to_be64(~0ULL << (64 - bits));
}

static __always_inline ip_address network_of(ip_address client,
                                             const struct shoal_service* service) {
    __u32 bits = service->persistence_length_v6;
    client.half[0] &= first_bits(bits);
    client.half[1] &= first_bits(bits > 64 ? bits - 64 : 0);
    return client;
}

/* The kernel drops these too: the unspecified and the loopback address, multicast, and addresses of
 * IPv4 in the form of IPv6. */
static __always_inline bool is_no_client(ip_address address) {
    __u64 tail = bpf_be64_to_cpu(address.half[1]);
    bool multicast = (address.half[0] & 0xff) == 0xff;
    return multicast || (!address.half[0] && (tail <= 1 || tail >> 32 == 0xffff));
}

/* ---- The header -------------------------------------------------------------------------------*/

static __always_inline ip_address source_of(const ip_header* ip) {
    return narrow(ip->saddr.in6_u.u6_addr32);
}

static __always_inline ip_address destination_of(const ip_header* ip) {
    return narrow(ip->daddr.in6_u.u6_addr32);
}

static __always_inline void set_source(ip_header* ip, ip_address address) {
    put_address(ip->saddr.in6_u.u6_addr32, address);
}

static __always_inline void set_destination(ip_header* ip, ip_address address) {
    put_address(ip->daddr.in6_u.u6_addr32, address);
}

/* Of the whole packet, as the header claims. */
static __always_inline __u32 ip_bytes(const ip_header* ip) {
    return sizeof(ip_header) + bpf_ntohs(ip->payload_len);
}

static __always_inline __u8 ttl_of(const ip_header* ip) {
    return ip->hop_limit;
}

/* The traffic class: bits 4 to 11 of the header. */
static __always_inline __u8 tos_of(const ip_header* ip) {
    return bpf_ntohs(*(const __be16*)ip) >> 4;
}

static __always_inline void set_route_tos(struct bpf_fib_lookup* route, __u8 tos) {
    route->flowinfo = bpf_htonl((__u32)tos << 20);
}

/* As a sum of sixteen words. */
static __always_inline __u32 address_difference(ip_address old, ip_address new) {
    return half_difference(old.half[0], new.half[0]) + half_difference(old.half[1], new.half[1]);
}

/* No checksum makes up for what changes here but the transport's, for new addresses. A sum over the
 * packet that the device delivered has to follow: bpf_l4_csum_replace takes the addresses'
 * difference off it again, as it believes that an IPv4 header's checksum did so. */
static __always_inline void lower_ttl(const hook_context* context, ip_header* ip,
                                      __u32 difference) {
    --ip->hop_limit;
    add_to_device_sum(context, difference + (__u16)~bpf_htons(0x0001));
}

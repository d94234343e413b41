/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* IPv4; see family.h. */

#include "abi.h"
#include "checksum.h"
#include "hook.h"

#define FAMILY 4
#define ADDRESS_FAMILY AF_INET
#define ADDRESS_BITS 32
#define FAMILY_TYPE ETH_P_IP
#define LONGEST_IP_HEADER 60
#define FAMILY_WORD 0 /* flags of the state word */

/* Scratch room whose layout is the family's. */
#define OF_FAMILY(map) map

typedef __be32 ip_address;
typedef struct iphdr ip_header;

static __always_inline bool same_address(ip_address a, ip_address b) {
    return a == b;
}

static __always_inline __u32 fold_address(ip_address address) {
    return address;
}

/* `wide` is zero. */
static __always_inline void widen(__be32 wide[4], ip_address address) {
    wide[0] = address;
}

static __always_inline ip_address narrow(const __be32 wide[4]) {
    return wide[0];
}

/* What tells a real server from others in a connection's record: its address, or what a longer one
 * folds to. */
static __always_inline ip_address real_address_of(const struct shoal_server* server) {
    const __be32* words = server->address;
    return words[0] ^ words[1] ^ words[2] ^ words[3];
}

/* What stands for a virtual server in the place of an address. */
static __always_inline ip_address number_address(__u32 number) {
    return number;
}

static __always_inline __u32 address_number(ip_address address) {
    return address;
}

/* The client's network, as persistence templates have it. */
static __always_inline ip_address network_of(ip_address client,
                                             const struct shoal_service* service) {
    return client & service->persistence_mask;
}

/* An address that no client has. XDP and tc come before the kernel's own look at it, which would
 * drop the packet too. */
static __always_inline bool is_no_client(ip_address address) {
    __u8 first = bpf_ntohl(address) >> 24;
    return !address || first == 127 || (first & 0xf0) == 224 || address == 0xffffffff;
}

/* ---- The header -------------------------------------------------------------------------------*/

static __always_inline ip_address source_of(const ip_header* ip) {
    return ip->saddr;
}

static __always_inline ip_address destination_of(const ip_header* ip) {
    return ip->daddr;
}

static __always_inline void set_source(ip_header* ip, ip_address address) {
    ip->saddr = address;
}

static __always_inline void set_destination(ip_header* ip, ip_address address) {
    ip->daddr = address;
}

/* Of the whole packet, as the header claims. */
static __always_inline __u32 ip_bytes(const ip_header* ip) {
    return bpf_ntohs(ip->tot_len);
}

static __always_inline __u8 ttl_of(const ip_header* ip) {
    return ip->ttl;
}

static __always_inline __u8 tos_of(const ip_header* ip) {
    return ip->tos;
}

static __always_inline void set_route_tos(struct bpf_fib_lookup* route, __u8 tos) {
    route->tos = tos;
}

/* What a new address adds to a sum, as a sum of four words. */
static __always_inline __u32 address_difference(ip_address old, ip_address new) {
    return word_difference(old, new);
}

/* The header has a checksum of its own. */
static __always_inline void lower_ttl(const hook_context* context, ip_header* ip,
                                      __u32 difference) {
    (void)context;
    --ip->ttl; /* the high half of a word, so the word grows by the complement of 0x0100 */
    ip->check = adjust_checksum(ip->check, difference + (__u16)~bpf_htons(0x0100));
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The records of a former table, which may be of another version: libbpf puts in where their
 * members lie, by the types that the kernel keeps with the map. What the members mean is the same
 * (SHOAL_COMMON_VERSION). */

#include "family.h"

struct shoal_connection___former {
    __u32 word;
    __u32 seen;
    __be32 client_address;
    __be32 virtual_address;
    __be32 real_address;
    __u32 address_cell;
    __be16 client_port;
    __be16 virtual_port;
    __be16 real_port;
    __u8 protocol;
    __u8 method;
    __u32 service;
    __u32 server;
    __u32 client_interface;
    __u8 client_mac[6];
    __u8 client_source_mac[6];
    __u16 client_epoch;
    __u16 load_epoch;
    __u32 template_cell;
} __attribute__((preserve_access_index));

struct shoal_addresses___former {
    __be32 client_address[4];
    __be32 virtual_address[4];
    __be32 real_address[4];
} __attribute__((preserve_access_index));

/* settings.cells of the former table, less one; set by shoald before loading, as the map's size. */
const volatile __u32 shoal_former_mask = 4095;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 4096);
    __type(key, __u32);
    __type(value, struct shoal_connection); /* of this version; the size is the used map's */
} former_connections SEC(".maps");

static __always_inline struct shoal_connection___former* get_former(__u32 cell) {
    return bpf_map_lookup_elem(&former_connections, &cell);
}

/* Where its addresses are. No typedef: libbpf looks for the name that a record is read by. */
#if defined(FAMILY_6)

#define FORMER_ADDRESSES struct shoal_addresses___former

static __always_inline const FORMER_ADDRESSES* get_former_addresses(
    const struct shoal_connection___former* former) {
    __u32 cell = former->address_cell;
    return bpf_map_lookup_elem(&former_connections, &cell);
}

static __always_inline ip_address former_client(const FORMER_ADDRESSES* of) {
    return narrow(of->client_address);
}

static __always_inline ip_address former_virtual(const FORMER_ADDRESSES* of) {
    return narrow(of->virtual_address);
}

static __always_inline ip_address former_real(const FORMER_ADDRESSES* of) {
    return narrow(of->real_address);
}

#else

#define FORMER_ADDRESSES struct shoal_connection___former

static __always_inline const FORMER_ADDRESSES* get_former_addresses(
    const struct shoal_connection___former* former) {
    return former;
}

static __always_inline ip_address former_client(const FORMER_ADDRESSES* of) {
    return of->client_address;
}

static __always_inline ip_address former_virtual(const FORMER_ADDRESSES* of) {
    return of->virtual_address;
}

static __always_inline ip_address former_real(const FORMER_ADDRESSES* of) {
    return of->real_address;
}

#endif

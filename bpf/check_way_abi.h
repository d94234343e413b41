/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the programs of checks to a virtual address share with shoald. They have maps of their own,
 * which live and die with the shoald that loaded them: nothing here is part of SHOAL_ABI_VERSION.
 */

#include "abi.h"

/* Checks under way at a time, and their flows. */
#define SHOAL_MAX_CHECKS 32768

/* A check's socket, by the kernel's cookie of it; written by shoald. Addresses are of one family.
 */
struct shoal_check {
    __be32 virtual_address[4];
    __be32 real_address[4];
    __u64 packets;      /* that went to the virtual address */
    __be16 tunnel_port; /* of GUE */
    __u8 method;        /* enum shoal_method: direct routing or tunneling */
    __u8 tunnel;        /* enum shoal_tunnel */
    __u32 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_check) == 48, "no holes");

/* What the answers to a check look like. The value is the socket's cookie. */
struct shoal_check_flow {
    __be32 virtual_address[4];
    __be32 own_address[4];
    __be16 virtual_port;
    __be16 own_port;
    __u8 protocol;
    __u8 family; /* 4 or 6 */
    __u16 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_check_flow) == 40, "no holes in a hash key");

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The transport checksum at tc may be partial (only the pseudo header is summed yet, the device
 * will do the rest) or be covered by a sum that the device delivered. The kernel's helper knows
 * both. Addresses are part of the pseudo header, ports are not: a partial checksum must not take
 * the ports in. After this the packet's pointers are void. */

#include <stddef.h>

#include "checksum.h"
#include "packet.h"

static __always_inline void adjust_transport_checksum(hook_context* context,
                                                      const struct packet* packet, __u8 protocol,
                                                      const struct translation* change) {
    __u32 offset = ETH_HLEN + packet->header_bytes;
    __u64 flags = 0;
    if (protocol == IPPROTO_TCP) {
        offset += offsetof(struct tcphdr, check);
    } else {
        offset += offsetof(struct udphdr, check);
        flags = BPF_F_MARK_MANGLED_0; /* 0 means none and stays 0; a result of 0 becomes 0xffff */
    }
    __u32 addresses = address_difference(change->old_address, change->new_address);

    bpf_l4_csum_replace(context, offset, 0, addresses, flags | BPF_F_PSEUDO_HDR);
    if (change->old_port == change->new_port) return;
    __u32 ports = port_difference(change->old_port, change->new_port);

    bpf_l4_csum_replace(context, offset, 0, ports, flags);
}

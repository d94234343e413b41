/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The transport checksum at XDP: always a complete one, adjusted in place. */

#include "checksum.h"
#include "packet.h"

static __always_inline void adjust_transport_checksum(hook_context* context,
                                                      const struct packet* packet, __u8 protocol,
                                                      const struct translation* change) {
    (void)context;
    __u32 difference = address_difference(change->old_address, change->new_address) +
                       port_difference(change->old_port, change->new_port);

    if (protocol == IPPROTO_TCP) {
        struct tcphdr* tcp = packet->transport;
        /* Known since parsing, but not to the verifier. */
        if ((void*)(tcp + 1) > packet->end) return;

        tcp->check = adjust_checksum(tcp->check, difference);
        return;
    }
    struct udphdr* udp = packet->transport;
    if (!udp->check) return; /* the sender made none */
    __u16 checksum = adjust_checksum(udp->check, difference);
    udp->check = checksum ? checksum : 0xffff;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What XDP must know of devices and tc need not: tc can send to any, and the kernel has told it
 * whom a frame is for. */

#include "packet.h"
#include "tables.h"

#if defined(HOOK_XDP)

static __always_inline const struct shoal_device* get_device(__u32 interface) {
    __u32 place = interface % SHOAL_MAX_DEVICES;
    const struct shoal_device* device = bpf_map_lookup_elem(&devices, &place);
    return device && READ_ONCE(device->interface) == interface ? device : NULL;
}

/* A frame to another host (the device is promiscuous) or to many is not. */
static __always_inline bool is_for_us(const hook_context* context, const struct packet* packet) {
    typedef __u32 __attribute__((may_alias)) word;
    typedef __u16 __attribute__((may_alias)) half;
    const struct shoal_device* device = get_device(context->ingress_ifindex);
    const void* to = packet->ethernet;
    return device && *(const word*)to == *(const word*)device->mac &&
           *(const half*)(to + 4) == *(const half*)(device->mac + 4);
}

/* Frames sent to a device that does not take them from XDP, or that are too long for it, would be
 * lost without a word. */
static __always_inline bool takes(__u32 interface, __u32 bytes) {
    const struct shoal_device* device = get_device(interface);
    return device && bytes <= READ_ONCE(device->mtu);
}

#else

static __always_inline bool is_for_us(const hook_context* context, const struct packet* packet) {
    (void)context, (void)packet; /* settled by pkt_type */
    return true;
}

static __always_inline bool takes(__u32 interface, __u32 bytes) {
    (void)interface, (void)bytes;
    return true;
}

#endif

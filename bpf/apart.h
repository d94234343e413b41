/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets that go a way of their own: ICMP, fragments, and those whose time to live is used up. XDP
 * leaves all of them to tc. */

#include "accept.h"

#if defined(HOOK_TC)
#include "fragments.h"
#include "icmp.h"
#endif

/* `kind` is what parse_transport() returned. */
static __always_inline int go_apart(hook_context* context, struct packet* packet, int kind) {
#if defined(HOOK_TC)
    if (kind == OF_ICMP)
        return take_sent(packet, follow_error(context, SHOAL_VERDICT_not_balanced));
    if (kind == LATER_FRAGMENT) return take_sent(packet, follow_first_fragment(context));
#else
    (void)context, (void)packet;
#endif
    return kind;
}

/* Neither to a virtual server nor from a real one; but a router between the director and a real
 * server may write to a client about what the client sent. */
static __always_inline int leave_foreign(hook_context* context, struct packet* packet) {
#if defined(HOOK_TC)
    if (is_icmp(packet)) return take_sent(packet, follow_error(context, SHOAL_VERDICT_foreign));
#else
    (void)context, (void)packet;
#endif
    return SHOAL_VERDICT_foreign;
}

static __always_inline int exceed_ttl(hook_context* context, struct packet* packet,
                                      ip_address virtual_address) {
#if defined(HOOK_TC)
    packet->sent = tell_ttl_exceeded(context, virtual_address);
    if (packet->sent != ACTION_DROP) return SHOAL_VERDICT_ttl_answered;
#else
    (void)context, (void)packet, (void)virtual_address;
#endif
    return SHOAL_VERDICT_ttl_expired;
}

/* The later fragments will follow, if this is a first one. Comes before the packet is changed. */
static __always_inline void expect_fragments(const struct packet* packet,
                                             const struct shoal_connection* connection) {
#if defined(HOOK_TC)
    if (is_first_fragment(packet)) remember_fragment(packet, connection);
#else
    (void)packet, (void)connection;
#endif
}

static __always_inline void expect_fragments_alone(const struct packet* packet,
                                                   const struct opening* opening) {
#if defined(HOOK_TC)
    if (is_first_fragment(packet)) remember_alone(packet, opening);
#else
    (void)packet, (void)opening;
#endif
}

/* Of a packet that is left to the kernel: so are the later fragments, if it is a first one. */
static __always_inline void leave_fragments(hook_context* context, int verdict) {
#if defined(HOOK_TC)
    if (verdict != SHOAL_VERDICT_foreign) remember_left(context);
#else
    (void)context, (void)verdict;
#endif
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMP errors of the director's own: what the rest of the packet path calls. */

#define ICMP_UNREACHABLE 3
#define ICMP_TOO_BIG 4 /* code of ICMP_UNREACHABLE: fragmentation needed */
#define ICMP_SOURCE_QUENCH 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

/* See answer_sender(). */
SLOW_PATH int tell_sender(hook_context* context, __u32 type_and_code, __u32 info, __be32 source) {
    return answer_sender(context, type_and_code, info, source);
}

static __always_inline int tell_ttl_exceeded(hook_context* context, ip_address virtual_address) {
    return tell_sender(context, ICMP_TIME_EXCEEDED << 8, 0, virtual_address);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMPv6 errors of the director's own: what the rest of the packet path calls. */

#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PACKET_TOO_BIG 2
#define ICMPV6_TIME_EXCEEDED 3
#define ICMPV6_PARAMETER_PROBLEM 4

/* See answer_sender(). The source comes in halves: functions of their own take numbers. */
SLOW_PATH int tell_sender(hook_context* context, __u32 type_and_code, __u32 info, __u64 first_half,
                          __u64 second_half) {
    ip_address source = {{first_half, second_half}};
    return answer_sender(context, type_and_code, info, source);
}

static __always_inline int tell_ttl_exceeded(hook_context* context, ip_address virtual_address) {
    return tell_sender(context, ICMPV6_TIME_EXCEEDED << 8, 0, virtual_address.half[0],
                       virtual_address.half[1]);
}

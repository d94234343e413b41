/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Packets of IPv6 are the other program's. */

#include "tables.h"

/* Does not return, unless there is no such program. To be called by the main program alone, where
 * Linux 6.1 allows it next to functions. */
static __always_inline int hand_over(hook_context* context) {
#if defined(FAMILY_6)
    (void)context;
#elif defined(HOOK_XDP)
    bpf_tail_call(context, &ipv6_xdp, 0);
#else
    bpf_tail_call(context, &ipv6_tc, 0);
#endif
    return SHOAL_VERDICT_foreign;
}

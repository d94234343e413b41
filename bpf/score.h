/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What a real server's load and weight are worth to a scheduler: one number, so that a tree of
 * minima picks as IPVS does. Shared by the packet path and by shoald, which builds the trees. */

#include "abi.h"

/* IPVS's largest weight, and what fo and ovf subtract from. Two fractions whose denominators are at
 * most 2^16 differ by at least 2^-32 or not at all, so the floors of their 2^32-fold order them
 * exactly, ties included. */
#define SHOAL_MAX_WEIGHT 65535U
#define SHOAL_SCORE_FRACTION 32

SHOAL_INLINE __u64 shoal_active(__u64 load) {
    return (load & SHOAL_LOAD_COUNTS) >> 32;
}

SHOAL_INLINE __u64 shoal_inactive(__u64 load) {
    return (__u32)load;
}

/* What least-connection schedulers see: the connections since the last quiescence. A baseline that
 * is set while packets change it may be off by one per CPU, and so fall below 0. */
SHOAL_INLINE __u64 shoal_load_above(__u64 load, __u64 baseline) {
    if (!baseline) return load & SHOAL_LOAD_COUNTS;
    __s64 old_inactive = (__s32)baseline;
    __s64 old_active = (__s32)((baseline - (__u64)old_inactive) >> 32);
    __s64 active = (__s64)shoal_active(load) - (old_active > 0 ? old_active : 0);
    __s64 inactive = (__s64)shoal_inactive(load) - (old_inactive > 0 ? old_inactive : 0);
    return (__u64)(active > 0 ? active : 0) << 32 | (__u64)(inactive > 0 ? inactive : 0);
}

/* IPVS's rule, to apply when a connection comes or goes and when a threshold changes: overloaded
 * from the upper threshold on, until the connections fall below the lower one or, without one,
 * below three quarters of the upper. */
SHOAL_INLINE __u64 shoal_with_threshold(__u64 load, __u32 upper, __u32 lower) {
    __u64 total = shoal_active(load) + shoal_inactive(load);
    if (!upper) return load & SHOAL_LOAD_COUNTS;
    if (total >= upper) return load | SHOAL_LOAD_OVERLOADED;
    int below = lower ? total < lower : total * 4 < upper * 3ULL;
    return below ? load & SHOAL_LOAD_COUNTS : load;
}

/* IPVS's overhead; at most 2^31 - 1, as IPVS's, where it would overflow there. */
SHOAL_INLINE __u64 shoal_overhead(__u64 load) {
    __u64 overhead = shoal_active(load) * 256 + shoal_inactive(load);
    return overhead < 0x7fffffff ? overhead : 0x7fffffff;
}

/* Most weights are 1, and a division takes as long as everything else here. */
SHOAL_INLINE __u64 shoal_per_weight(__u64 load, __u32 weight) {
    __u64 scaled = load << SHOAL_SCORE_FRACTION;
    return weight == 1 ? scaled : scaled / weight;
}

/* The score changes with the load, not only with the threshold. */
SHOAL_INLINE int shoal_scores_loads(__u32 scheduler) {
    const __u32 load = 1U << SHOAL_SCHEDULER_LC | 1U << SHOAL_SCHEDULER_WLC |
                       1U << SHOAL_SCHEDULER_SED | 1U << SHOAL_SCHEDULER_NQ |
                       1U << SHOAL_SCHEDULER_OVF | 1U << SHOAL_SCHEDULER_LBLC |
                       1U << SHOAL_SCHEDULER_LBLCR;
    return load >> (scheduler & 31) & 1;
}

/* Below 2^63. */
SHOAL_INLINE __u64 shoal_score(__u32 scheduler, __u64 load, __u64 baseline, __u32 weight) {
    if (!weight || load & SHOAL_LOAD_OVERLOADED) return SHOAL_SCORE_NONE;
    __u64 recent = shoal_load_above(load, baseline);
    switch (scheduler) {
        case SHOAL_SCHEDULER_LC:
            return shoal_overhead(recent);
        case SHOAL_SCHEDULER_WLC:
        case SHOAL_SCHEDULER_LBLC:
        case SHOAL_SCHEDULER_LBLCR:
            return shoal_per_weight(shoal_overhead(recent), weight);
        case SHOAL_SCHEDULER_NQ:
            if (!shoal_active(recent)) return 0;
            __attribute__((fallthrough));
        case SHOAL_SCHEDULER_SED:
            return shoal_per_weight(shoal_active(recent) + 1, weight);
        case SHOAL_SCHEDULER_OVF:
            /* Overflow is about all connections that there are. */
            if (shoal_active(load) > weight) return SHOAL_SCORE_NONE;
            __attribute__((fallthrough));
        case SHOAL_SCHEDULER_FO:
            return SHOAL_MAX_WEIGHT + 1 - (weight < SHOAL_MAX_WEIGHT ? weight : SHOAL_MAX_WEIGHT);
        default:
            return 0;
    }
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
/* The kernel's types come before libbpf's helpers, which use them. */
#include <bpf/bpf_endian.h>
#ifdef SHOAL_HOST
#include "bpf_host.h" /* the fuzz target's kernel */
#else
#include <bpf/bpf_helpers.h>
#endif
#include <stdbool.h>

/* A load that the compiler may neither repeat nor leave out: the word changes under our hands. */
#define READ_ONCE(x) (*(volatile typeof(x)*)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x)*)&(x) = (value))

/* Rare paths are functions of their own, so that the packets of known connections find their code
 * in few cache lines. Global ones, because the verifier looks at these once instead of once for
 * every way that leads there; weak, so that the compiler assumes nothing about them that the
 * verifier cannot see. They take and return numbers, and pointers to values without holes (Linux
 * 6.1 wants every byte written) which they must take for possibly NULL. */
#define SLOW_PATH __weak __noinline

/* Zero for any count of jiffies, which the verifier does not know. Linux before 6.7 verifies a
 * callback of bpf_loop once, with what its context begins with, and removes the ways that this one
 * call cannot take: what a callback both sets and branches on must not begin as a constant. */
static __always_inline __u32 unknown_zero(__u64 jiffies) {
    return jiffies >> 63;
}

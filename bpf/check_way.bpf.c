/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* Checks to a virtual address, of IPv4. */

#define HOOK_TC
#include "check_way.h"

SEC("tc")
int shoal_check_out(struct __sk_buff* context) {
    return send_check(context);
}

SEC("tc")
int shoal_check_in(struct __sk_buff* context) {
    return take_answer(context);
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The complete packet path of IPv6 at tc ingress; the program of IPv4 hands over to it. */

#define HOOK_TC
#define FAMILY_6
#include "director.h"
#include "explain.h"

SEC("tc")
int shoal_ipv6_tc(struct __sk_buff* context) {
    return direct(context);
}

SEC("tc")
int explain_ipv6(struct __sk_buff* context) {
    (void)context;
    return answer_question();
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

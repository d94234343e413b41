/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The complete packet path at tc ingress, the sweeper and the control programs. */

#define HOOK_TC
#include "control.h"
#include "director.h"
#include "explain.h"

SEC("tc")
int shoal_tc(struct __sk_buff* context) {
    return direct(context);
}

SEC("tc")
int explain(struct __sk_buff* context) {
    (void)context;
    return answer_question();
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

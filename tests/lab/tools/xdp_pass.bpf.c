// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Takes every frame. A veth wakes its peer for frames sent by XDP_TX only where the peer has an XDP
// program too; without one they lie until the next ordinary frame.
#include "bpf_base.h"

SEC("xdp")
int xdp_pass(struct xdp_md* context) {
    (void)context;
    return XDP_PASS;
}

char shoal_license[] SEC("license") = "Dual BSD/GPL";

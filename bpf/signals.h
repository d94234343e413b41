/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What packets tell of a real server's health. shoald then checks it at once, and the check
 * decides: nothing here is believed, for a stranger can make some of it. */

#include "tables.h"

/* At most twenty a second of one real server. */
#define SIGNALS_PER_SECOND 20

SLOW_PATH int signal_trouble(__u32 server, __u32 service, __u32 kind) {
    struct shoal_server_detail* detail = get_server_detail(server);
    const struct shoal_settings* settings = get_settings();
    if (!detail || !settings) return 0;
    __u32 now = bpf_jiffies64();
    if (now - READ_ONCE(detail->signalled) < settings->hz / SIGNALS_PER_SECOND) return 0;
    WRITE_ONCE(detail->signalled, now);
    struct shoal_signal signal = {.server = server, .service = service, .kind = kind};
    return bpf_ringbuf_output(&signals, &signal, sizeof(signal), 0);
}

/* A packet of a connection that is opening. */
SLOW_PATH int notice_opening(__u32 server, __u32 service, __u8 flags, bool reply) {
    if (reply && flags & TCP_RST) return signal_trouble(server, service, SHOAL_SIGNAL_REFUSED);
    if (!reply && flags & TCP_SYN) return signal_trouble(server, service, SHOAL_SIGNAL_UNANSWERED);
    return 0;
}

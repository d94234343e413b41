/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* How many FTP control connections a client has with a real server. An entry is taken out at 0. */

#include <linux/in.h>

#include "tables.h"

#define FTP_CONTROL_PORT 21
#define FTP_ATTEMPTS 4

static __always_inline bool is_deleted(__u32 connections) {
    return connections >= SHOAL_FTP_DELETED;
}

static __always_inline struct shoal_ftp_key ftp_key(__be32 client_address, __be32 real_address) {
    struct shoal_ftp_key key = {.client_address = {client_address}, .real_address = {real_address}};
    return key;
}

/* Counts one more; `fresh` is the entry to make where there is none. */
static __always_inline bool add_ftp_control(const struct shoal_ftp_key* key,
                                            const struct shoal_ftp_control* fresh) {
    for (int attempt = 0; attempt < FTP_ATTEMPTS; ++attempt) {
        struct shoal_ftp_control* control = bpf_map_lookup_elem(&ftp_controls, key);
        /* What is added to an entry that is about to leave the map is added to nothing. */
        if (control && !is_deleted(__sync_fetch_and_add(&control->connections, 1))) return true;
        if (!bpf_map_update_elem(&ftp_controls, key, fresh, BPF_NOEXIST)) return true;
    }
    return false;
}

/* False where the map is full, or another CPU is slow to take the former entry out. */
SLOW_PATH bool count_ftp_control(const struct shoal_connection* connection) {
    if (!connection) return false;
    struct shoal_ftp_key key = ftp_key(connection->client_address, connection->real_address);
    struct shoal_ftp_control fresh = {.virtual_address = {connection->virtual_address},
                                      .service = connection->service,
                                      .server = connection->server,
                                      .connections = 1,
                                      .client_interface = connection->client_interface};
    return add_ftp_control(&key, &fresh);
}

/* Our own count kept the entry in the map until now. Who brings it to 0 may be overtaken by one who
 * counts up; who then marks the 0 takes the entry out, and nobody else does. */
SLOW_PATH int uncount_ftp_control(const struct shoal_connection* connection) {
    if (!connection) return 0;
    struct shoal_ftp_key key = ftp_key(connection->client_address, connection->real_address);
    struct shoal_ftp_control* control = bpf_map_lookup_elem(&ftp_controls, &key);
    if (!control || __sync_fetch_and_sub(&control->connections, 1) != 1) return 0;
    if (__sync_val_compare_and_swap(&control->connections, 0, SHOAL_FTP_DELETED) == 0)
        bpf_map_delete_elem(&ftp_controls, &key);
    return 0;
}

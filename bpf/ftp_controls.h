/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* How many FTP control connections a client has with a real server. An entry is taken out at 0. */

#include <linux/in.h>

#include "flow.h"

#define FTP_CONTROL_PORT 21
#define FTP_ATTEMPTS 4

static __always_inline bool is_deleted(__u32 connections) {
    return connections >= SHOAL_FTP_DELETED;
}

/* Of a connection of either family. `key` is zero. */
static __always_inline void set_ftp_key(struct shoal_ftp_key* key,
                                        const struct shoal_connection* connection) {
    if (!is_ipv6(connection)) {
        key->client_address[0] = connection->client_address;
        key->real_address[0] = connection->real_address;
        return;
    }
    const struct shoal_addresses* of = get_addresses(connection->address_cell);
    if (!of) return;
    copy_wide(key->client_address, of->client_address);
    copy_wide(key->real_address, of->real_address);
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
    const addresses* of = addresses_of(connection);
    if (!of) return false;
    struct shoal_ftp_key key = {};
    widen(key.client_address, client_of(of));
    widen(key.real_address, real_of(of));
    struct shoal_ftp_control fresh = {.service = connection->service,
                                      .server = connection->server,
                                      .connections = 1,
                                      .client_interface = connection->client_interface};
    widen(fresh.virtual_address, virtual_of(of));
    return add_ftp_control(&key, &fresh);
}

/* Our own count kept the entry in the map until now. Who brings it to 0 may be overtaken by one who
 * counts up; who then marks the 0 takes the entry out, and nobody else does. */
SLOW_PATH int uncount_ftp_control(const struct shoal_connection* connection) {
    if (!connection) return 0;
    struct shoal_ftp_key key = {};
    set_ftp_key(&key, connection);
    struct shoal_ftp_control* control = bpf_map_lookup_elem(&ftp_controls, &key);
    if (!control || __sync_fetch_and_sub(&control->connections, 1) != 1) return 0;
    if (__sync_val_compare_and_swap(&control->connections, 0, SHOAL_FTP_DELETED) == 0)
        bpf_map_delete_elem(&ftp_controls, &key);
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What a connection keeps alive while its cell is in use: the persistence template that it was
 * opened under, and the entry of an FTP control connection. Both are counted from before the cell
 * is linked until it is freed, so that whoever frees it need not know how it ended. */

#include "flow.h"
#include "ftp_controls.h"

static __always_inline void release_template(__u32 cell) {
    struct shoal_connection* template = get_connection(cell);
    if (template) __sync_fetch_and_sub(&template->controlled, 1);
}

/* Counts first and looks afterwards, as the sweeper ends a template first and looks at the count
 * afterwards: one of the two sees the other. Returns the cell, or 0 where the template is over. */
static __always_inline __u32 hold_template(__u32 cell) {
    struct shoal_connection* template = get_connection(cell);
    if (!cell || !template) return 0;
    __u32 before = __sync_fetch_and_add(&template->controlled, 1);
    asm volatile("" ::"r"(before) : "memory"); /* a result makes the addition a full barrier */
    if (is_present(READ_ONCE(template->word))) return cell;
    release_template(cell);
    return 0;
}

/* Flags of the new connection's word. The cell is filled but for its word. */
static __always_inline __u32 bind(struct shoal_connection* connection, __u32 template_cell) {
    connection->template_cell = hold_template(template_cell);
    bool ftp = connection->virtual_port == bpf_htons(FTP_CONTROL_PORT) &&
               connection->protocol == IPPROTO_TCP && connection->method == SHOAL_METHOD_NAT;
    return ftp && count_ftp_control(connection) ? SHOAL_WORD_FTP_CONTROL : 0;
}

static __always_inline void unbind(const struct shoal_connection* connection) {
    if (connection->template_cell) release_template(connection->template_cell);
    if (connection->word & SHOAL_WORD_FTP_CONTROL) uncount_ftp_control(connection);
}

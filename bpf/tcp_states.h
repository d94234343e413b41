/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* IPVS's TCP state machine: what a segment makes of the present state. */

#include "abi.h"
#include "bpf_base.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum tcp_direction {
    TCP_IN,         /* from the client, and replies come through here */
    TCP_OUT,        /* from the real server */
    TCP_INPUT_ONLY, /* from the client, and no reply was ever seen */
    TCP_DIRECTIONS
};
enum tcp_event { TCP_EVENT_SYN, TCP_EVENT_FIN, TCP_EVENT_ACK, TCP_EVENT_RST, TCP_EVENTS };

#define NO SHOAL_STATE_NONE
#define ES SHOAL_STATE_ESTABLISHED
#define SS SHOAL_STATE_SYN_SENT
#define SR SHOAL_STATE_SYN_RECV
#define FW SHOAL_STATE_FIN_WAIT
#define TW SHOAL_STATE_TIME_WAIT
#define CL SHOAL_STATE_CLOSE
#define CW SHOAL_STATE_CLOSE_WAIT
#define LA SHOAL_STATE_LAST_ACK
#define LI SHOAL_STATE_LISTEN
#define SA SHOAL_STATE_SYNACK
/* Sixteen columns, so that masked indices stay inside; the last five are never used. Four rows for
 * the directions for the same reason. The second table is that of secure_tcp. */
static const __u8 tcp_next_state[2][4][TCP_EVENTS][16] = {
    {
        /* present state:   NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */
        [TCP_IN] = {[TCP_EVENT_SYN] = {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR},
                    [TCP_EVENT_FIN] = {CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW},
                    [TCP_EVENT_ACK] = {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
                    [TCP_EVENT_RST] = {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR}},
        [TCP_OUT] = {[TCP_EVENT_SYN] = {SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR},
                     [TCP_EVENT_FIN] = {TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW},
                     [TCP_EVENT_ACK] = {ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES},
                     [TCP_EVENT_RST] = {CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL}},
        [TCP_INPUT_ONLY] = {[TCP_EVENT_SYN] = {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR},
                            [TCP_EVENT_FIN] = {CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW},
                            [TCP_EVENT_ACK] = {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
                            [TCP_EVENT_RST] = {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL}},
    },
    {
        [TCP_IN] = {[TCP_EVENT_SYN] = {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA},
                    [TCP_EVENT_FIN] = {CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA},
                    [TCP_EVENT_ACK] = {ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA},
                    [TCP_EVENT_RST] = {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL}},
        [TCP_OUT] = {[TCP_EVENT_SYN] = {SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA},
                     [TCP_EVENT_FIN] = {TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW},
                     [TCP_EVENT_ACK] = {ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES},
                     [TCP_EVENT_RST] = {CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL}},
        [TCP_INPUT_ONLY] = {[TCP_EVENT_SYN] = {SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA},
                            [TCP_EVENT_FIN] = {CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW},
                            [TCP_EVENT_ACK] = {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
                            [TCP_EVENT_RST] = {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL}},
    },
};
#undef NO
#undef ES
#undef SS
#undef SR
#undef FW
#undef TW
#undef CL
#undef CW
#undef LA
#undef LI
#undef SA

/* As in IPVS, a segment without any of the four flags closes. */
static __always_inline __u32 tcp_next(__u32 secure, enum tcp_direction direction, __u8 flags,
                                      __u32 state) {
    enum tcp_event event;
    if (flags & TCP_RST)
        event = TCP_EVENT_RST;
    else if (flags & TCP_SYN)
        event = TCP_EVENT_SYN;
    else if (flags & TCP_FIN)
        event = TCP_EVENT_FIN;
    else if (flags & TCP_ACK)
        event = TCP_EVENT_ACK;
    else
        return SHOAL_STATE_CLOSE;
    return tcp_next_state[secure & 1][direction & 3][event][state & 15];
}

/* IPVS's tcp_state_active_table. */
static __always_inline bool tcp_active(__u32 state) {
    const __u32 active = 1U << SHOAL_STATE_ESTABLISHED | 1U << SHOAL_STATE_SYN_SENT |
                         1U << SHOAL_STATE_SYN_RECV | 1U << SHOAL_STATE_SYNACK;
    return active >> (state & 31) & 1;
}

/* A segment before which an old connection of the same ports gives way. Other flags do not matter,
 * as in IPVS. */
static __always_inline bool tcp_renews(__u8 flags) {
    return flags & TCP_SYN;
}

/* A segment that may open a connection: the client's SYN and ACK, too, to an active FTP server
 * whose SYN went past us. */
static __always_inline bool tcp_opens(__u8 flags) {
    return (flags & (TCP_SYN | TCP_RST)) == TCP_SYN;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The link-layer way of a packet. MAC addresses are written before translation, redirection is
 * asked for after it: at tc the packet's pointers do not live through it. */

#include <stddef.h>

#include "devices.h"
#include "flow.h"
#include "macs.h"
#include "path_mtu.h"

/* Both records hold the destination's MAC and then the source's, as a frame does. */
SHOAL_ASSERT(offsetof(struct shoal_server, source_mac) == offsetof(struct shoal_server, mac) + 6,
             "copied in one go");
SHOAL_ASSERT(offsetof(struct shoal_server, mac) % 4 == 0, "copied by words");
SHOAL_ASSERT(offsetof(struct shoal_connection, client_source_mac) ==
                 offsetof(struct shoal_connection, client_mac) + 6,
             "copied in one go");
SHOAL_ASSERT(offsetof(struct shoal_connection, client_mac) % 4 == 0, "copied by words");

static __always_inline int redirect(const hook_context* context, __u32 interface) {
#if defined(HOOK_XDP)
    if (interface == context->ingress_ifindex) return XDP_TX;
#else
    (void)context;
#endif
    return bpf_redirect(interface, 0);
}

/* ---- To a real server -------------------------------------------------------------------------*/

static __always_inline bool mac_known(const struct shoal_server* server) {
    return READ_ONCE(server->flags) & SHOAL_SERVER_NEXT_HOP_KNOWN;
}

/* Whether this hook can send a packet of so many bytes there; tc always can. */
static __always_inline bool can_send_bytes(__u32 bytes, const struct shoal_server* server) {
    return !is_xdp ||
           (mac_known(server) && within(bytes, server->mtu) && takes(server->interface, bytes));
}

static __always_inline bool can_send(const struct packet* packet,
                                     const struct shoal_server* server) {
    return can_send_bytes(packet->bytes, server);
}

#if defined(HOOK_TC)
/* The neighbour code queues the packet and resolves. A function of its own for its stack. */
static __noinline int send_unresolved(__u32 interface, const struct shoal_server_detail* detail) {
    struct bpf_redir_neigh hop = {.nh_family = detail->family == 6 ? AF_INET6 : AF_INET};
    copy_wide(hop.ipv6_nh, detail->next_hop);
    return bpf_redirect_neigh(interface, &hop, sizeof(hop), 0);
}
#endif

/* `index`: of `server` in server_table. */
static __always_inline int send_to_server(const hook_context* context,
                                          const struct shoal_server* server, __u32 index,
                                          bool known) {
    if (is_xdp || known) return redirect(context, server->interface);
#if defined(HOOK_TC)
    const struct shoal_server_detail* detail = get_server_detail(index);
    if (detail) return send_unresolved(server->interface, detail);
#else
    (void)index;
#endif
    return ACTION_DROP;
}

/* ---- To a client ------------------------------------------------------------------------------*/

static __always_inline __u16 current_epoch(const struct shoal_settings* settings, __u64 jiffies) {
    __u32 period = 30 * settings->hz;
    return settings->route_generation + (period ? jiffies / period : 0);
}

/* An epoch that does not come for eleven days: the way to the client is looked up at the first
 * reply, and until then client_interface only says where the client's packets came in. */
#define EPOCH_NEVER 0x8000

enum client_way {
    WAY_REMEMBERED, /* in the connection's record */
    WAY_ASKED,      /* the kernel's neighbour code was asked to find it */
    WAY_NONE,
};

struct client_hop {
    __u16 epoch;
    __u16 length; /* of the IP packet, for the check against the MTU; 0: the helper knows it */
    __u8 tos;
    enum client_way way;
    int sent; /* of WAY_ASKED: the hook's return value */
};

/* Leaves the rest to the neighbour code: the gateway of `route`, or what it finds behind the device
 * that the client's packets come in by. What is asked for here holds when the program returns. */
static __always_inline enum client_way ask_neighbours(const struct bpf_fib_lookup* route,
                                                      bool gateway_known, __u32 client_interface,
                                                      struct client_hop* hop) {
#if defined(HOOK_TC)
    struct bpf_redir_neigh neighbour = {.nh_family = route->family};
    __builtin_memcpy(neighbour.ipv6_nh, route->ipv6_dst, sizeof(route->ipv6_dst));
    if (gateway_known)
        hop->sent = bpf_redirect_neigh(route->ifindex, &neighbour, sizeof(neighbour), 0);
    else if (client_interface)
        hop->sent = bpf_redirect_neigh(client_interface, NULL, 0, 0);
    else
        return WAY_NONE;
#else
    (void)route, (void)hop; /* tc will see the packet and ask */
#endif
    return gateway_known || client_interface ? WAY_ASKED : WAY_NONE;
}

/* Asks the kernel's routes for the way from the virtual server to the client, and remembers it in
 * the connection. */
static __noinline enum client_way look_up_client(hook_context* context,
                                                 struct shoal_connection* connection,
                                                 struct client_hop* hop) {
    struct bpf_fib_lookup route = {
        .family = ADDRESS_FAMILY,
        .l4_protocol = connection->protocol,
        .sport = connection->virtual_port,
        .dport = connection->client_port,
        .tot_len = hop->length,
        .ifindex = ingress_device(context),
    };
    const addresses* of = addresses_of(connection);
    if (!of) return WAY_NONE;
    widen(route.ipv6_src, virtual_of(of));
    widen(route.ipv6_dst, client_of(of));
    set_route_tos(&route, hop->tos);
    long result = bpf_fib_lookup(context, &route, sizeof(route), 0);
    /* At tc it is found all the same, and the sender will be told. */
    if (!is_xdp && result == BPF_FIB_LKUP_RET_FRAG_NEEDED) result = BPF_FIB_LKUP_RET_SUCCESS;
    if (result == BPF_FIB_LKUP_RET_SUCCESS) {
        connection->client_interface = route.ifindex;
        __builtin_memcpy(connection->client_mac, route.dmac, ETH_ALEN);
        __builtin_memcpy(connection->client_source_mac, route.smac, ETH_ALEN);
        WRITE_ONCE(connection->client_epoch, hop->epoch);
        return WAY_REMEMBERED;
    }
    return ask_neighbours(&route, result == BPF_FIB_LKUP_RET_NO_NEIGH, connection->client_interface,
                          hop);
}

static __always_inline int send_to_client(const hook_context* context,
                                          const struct shoal_connection* connection,
                                          const struct client_hop* hop) {
    if (is_xdp || hop->way == WAY_REMEMBERED)
        return redirect(context, connection->client_interface);
    return hop->sent;
}

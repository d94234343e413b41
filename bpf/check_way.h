/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Checks that a real server must answer on the virtual address, which is this host's own: their
 * sockets ask the real server at its own address, and here, where packets leave, the virtual one is
 * put in its place, under tunneling inside the tunnel. So the kernel's routes, neighbours and
 * firewall treat them as any other check. The answers come from the virtual address; they get the
 * real server's back before the kernel sees them, which would drop a packet from an address of its
 * own. Only the answers to what a check has sent are found. */

#include <linux/bpf.h>

#include "check_way_abi.h"
#include "rewrite.h"
#include "tunnel.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, SHOAL_MAX_CHECKS);
    __type(key, __u64);
    __type(value, struct shoal_check);
} checks SEC(".maps");

/* A flow whose check has ended leads nowhere, and its place is taken by another one in time. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, SHOAL_MAX_CHECKS);
    __type(key, struct shoal_check_flow);
    __type(value, __u64);
} check_flows SEC(".maps");

static __always_inline bool encapsulate_check(hook_context* context, const struct packet* packet,
                                              const struct shoal_check* check,
                                              ip_address own_address) {
    /* The kernel has chosen the neighbour, and written its address. */
    struct shoal_server server = {.tunnel_port = check->tunnel_port, .family = FAMILY};
    copy_wide(server.address, check->real_address);
    widen(server.tunnel_source, own_address);
    copy_macs(server.mac, packet->ethernet);
    struct tunnel tunnel = {check->tunnel, FAMILY};
    struct inner inner = read_inner(context, packet->ip, tunnel);
    return make_room(context, packet, &server, tunnel) &&
           write_outer(context, &inner, &server, tunnel);
}

/* A tunnel's packet to the real server, of a program before this one. */
static __always_inline bool is_encapsulated(const struct shoal_check* check,
                                            const struct packet* packet) {
    __u8 protocol = protocol_of(packet);
    if (protocol == IPPROTO_UDP)
        return check->method == SHOAL_METHOD_TUNNEL && check->tunnel == SHOAL_TUNNEL_GUE &&
               packet->destination_port == check->tunnel_port;
    return protocol != IPPROTO_TCP;
}

/* `cookie`: of the socket that sends the packet. What was translated comes by again where a device
 * stands on another one (VLAN, bridge), and at the program of the other family. */
static __always_inline int send_check_packet(hook_context* context, struct shoal_check* check,
                                             __u64 cookie) {
    struct packet packet = {};
    if (parse_addresses(context, &packet) != UNDECIDED) return TC_ACT_UNSPEC;
    ip_address virtual_address = narrow(check->virtual_address);
    ip_address real_address = narrow(check->real_address);
    ip_address own_address = source_of(packet.ip);
    if (!same_address(destination_of(packet.ip), real_address)) return TC_ACT_UNSPEC;
    int verdict = parse_transport(context, &packet);
    if (is_encapsulated(check, &packet)) return TC_ACT_UNSPEC;
    /* Nothing of a check may reach the real server's own address: it would answer there. */
    if (verdict != UNDECIDED || is_first_fragment(&packet)) return TC_ACT_SHOT;
    struct shoal_check_flow flow = {.virtual_port = packet.destination_port,
                                    .own_port = packet.source_port,
                                    .protocol = protocol_of(&packet),
                                    .family = FAMILY};
    copy_wide(flow.virtual_address, check->virtual_address);
    widen(flow.own_address, own_address);
    if (bpf_map_update_elem(&check_flows, &flow, &cookie, BPF_ANY)) return TC_ACT_SHOT;
    __sync_fetch_and_add(&check->packets, 1);

    struct translation change = {real_address, virtual_address, packet.destination_port,
                                 packet.destination_port};
    translate_destination(context, &packet, flow.protocol, &change);
    if (check->method != SHOAL_METHOD_TUNNEL) return TC_ACT_UNSPEC;
    /* The pointers are void since the checksum was changed. */
    load_pointers(context, &packet);
    packet.ip = (void*)(packet.ethernet + 1);
    if ((void*)(packet.ip + 1) > packet.end ||
        !encapsulate_check(context, &packet, check, own_address))
        return TC_ACT_SHOT;
    return TC_ACT_UNSPEC;
}

/* At egress. */
static __always_inline int send_check(hook_context* context) {
    /* What is forwarded belongs to no socket. */
    if (!context->sk) return TC_ACT_UNSPEC;
    __u64 cookie = bpf_get_socket_cookie(context);
    struct shoal_check* check = bpf_map_lookup_elem(&checks, &cookie);
    return check ? send_check_packet(context, check, cookie) : TC_ACT_UNSPEC;
}

/* At ingress, behind the packet path: of what that left to the kernel. */
static __always_inline int take_answer(hook_context* context) {
    struct packet packet = {};
    if (parse_addresses(context, &packet) != UNDECIDED ||
        parse_transport(context, &packet) != UNDECIDED || is_first_fragment(&packet))
        return TC_ACT_UNSPEC;
    ip_address virtual_address = source_of(packet.ip);
    struct shoal_check_flow flow = {.virtual_port = packet.source_port,
                                    .own_port = packet.destination_port,
                                    .protocol = protocol_of(&packet),
                                    .family = FAMILY};
    widen(flow.virtual_address, virtual_address);
    widen(flow.own_address, destination_of(packet.ip));
    const __u64* cookie = bpf_map_lookup_elem(&check_flows, &flow);
    if (!cookie) return TC_ACT_UNSPEC;
    const struct shoal_check* check = bpf_map_lookup_elem(&checks, cookie);
    if (!check) return TC_ACT_UNSPEC;
    struct translation change = {virtual_address, narrow(check->real_address), packet.source_port,
                                 packet.source_port};
    translate_source(context, &packet, flow.protocol, &change);
    return TC_ACT_UNSPEC;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* `shoal trace`: packets with their verdicts. Off, it costs two looks at a word; on, a packet is
 * noted as it arrives, because translation changes it, and shown once its verdict is known. */

#include "accept.h"
#include "count.h"
#include "packet.h"
#include "trace_state.h"

static __always_inline bool tracing(void) {
    const struct shoal_settings* now = bpf_map_lookup_elem(&settings, &first_key);
    return __builtin_expect(now && READ_ONCE(now->trace_until), 0);
}

/* ---- What a packet says -----------------------------------------------------------------------*/

static __always_inline long load_bytes(hook_context* context, __u32 offset, void* to, __u32 size) {
#if defined(HOOK_XDP)
    return bpf_xdp_load_bytes(context, offset, to, size);
#else
    return bpf_skb_load_bytes(context, offset, to, size);
#endif
}

static __always_inline __u32 traced_bytes(hook_context* context) {
#if defined(HOOK_XDP)
    __u32 frame = bpf_xdp_get_buff_len(context);
#else
    __u32 frame = context->len;
#endif
    return frame < ETH_HLEN ? 0 : frame - ETH_HLEN;
}

/* Notes the protocol. Returns where its header is behind the beginning of the IP header; 0: in
 * another fragment, or cut off. */
#if defined(FAMILY_6)
static __always_inline __u32 find_ports(hook_context* context, const ip_header* ip,
                                        struct shoal_trace_tuple* tuple) {
    tuple->protocol = ip->nexthdr;
#if defined(HOOK_TC) /* XDP leaves extension headers to it */
    if (is_extension(ip->nexthdr)) {
        __u64 found = find_transport(context, ETH_HLEN);
        if (found & FOUND_CUT_SHORT) return 0;
        tuple->protocol = found;
        return found & FOUND_LATER_FRAGMENT ? 0 : found_bytes(found);
    }
#else
    (void)context;
#endif
    return sizeof(*ip);
}
#else
static __always_inline __u32 find_ports(hook_context* context, const ip_header* ip,
                                        struct shoal_trace_tuple* tuple) {
    (void)context;
    tuple->protocol = ip->protocol;
    return ip->frag_off & bpf_htons(0x1fff) ? 0 : ip->ihl * 4;
}
#endif

static __always_inline void read_ports(hook_context* context, __u32 offset,
                                       struct shoal_trace_tuple* tuple) {
    __be16 ports[2];
    bool tcp = tuple->protocol == IPPROTO_TCP;
    if ((!tcp && tuple->protocol != IPPROTO_UDP) || !offset) return;
    if (load_bytes(context, ETH_HLEN + offset, ports, sizeof(ports))) return;
    tuple->source_port = ports[0];
    tuple->destination_port = ports[1];
    __u8 flags;
    if (tcp && !load_bytes(context, ETH_HLEN + offset + 13, &flags, 1)) tuple->tcp_flags = flags;
}

static __noinline int read_tuple(hook_context* context, struct shoal_trace_tuple* tuple) {
    ip_header ip __attribute__((aligned(8)));
    __be16 type;
    __builtin_memset(tuple, 0, sizeof(*tuple));
    if (load_bytes(context, offsetof(struct ethhdr, h_proto), &type, sizeof(type)) ||
        type != bpf_htons(FAMILY_TYPE) || load_bytes(context, ETH_HLEN, &ip, sizeof(ip)))
        return 0;
    tuple->family = FAMILY;
    widen(tuple->source, source_of(&ip));
    widen(tuple->destination, destination_of(&ip));
    read_ports(context, find_ports(context, &ip, tuple), tuple);
    return 1;
}

/* ---- As it arrives ----------------------------------------------------------------------------*/

/* Nobody prolongs it any more: shoald is dead, or the trace has ended. */
static __always_inline bool tracing_is_over(void) {
    struct shoal_settings* settings = get_settings();
    if (!settings) return true;
    __u64 until = READ_ONCE(settings->trace_until);
    if (bpf_ktime_get_ns() < until) return false;
    __sync_val_compare_and_swap(&settings->trace_until, until, 0);
    return true;
}

SLOW_PATH int note_arrival(hook_context* context) {
    struct shoal_trace_state* state = get_trace_state();
    struct arrival* arrival = get_arrival();
    if (!state || !arrival || tracing_is_over()) return 0;
    read_tuple(context, &state->arrived);
    state->interface = ingress_device(context);
    state->bytes = traced_bytes(context);
    state->pending = 1;
    note_owner(SHOAL_NOBODY, SHOAL_NOBODY);
    /* Tells later whether this packet used it. */
    arrival->opening.flow.protocol = 0;
    return 0;
}

/* ---- Once the verdict is known ----------------------------------------------------------------*/

static __always_inline bool owner_in_table(const struct flow* flow,
                                           struct shoal_trace_owner* owner) {
    const struct shoal_connection* connection = get_connection(find_again(flow));
    if (!connection || !is_of_flow(connection, flow)) return false;
    owner->service = connection->service;
    owner->server = connection->server;
    return true;
}

/* Not on the stack, which one of IPv6 would take beyond what Linux 6.1 grants. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct flow);
} OF_FAMILY(traced_flow) SEC(".maps");

static __always_inline void set_traced_flow(struct flow* flow,
                                            const struct shoal_trace_tuple* tuple, bool reply,
                                            const struct shoal_settings* settings) {
    flow->client_address = narrow(reply ? tuple->destination : tuple->source);
    flow->other_address = narrow(reply ? tuple->source : tuple->destination);
    flow->client_port = reply ? tuple->destination_port : tuple->source_port;
    flow->other_port = reply ? tuple->source_port : tuple->destination_port;
    flow->protocol = tuple->protocol;
    flow->reply = reply;
    flow->hash = flow_hash(settings, flow->client_address, flow->client_port, flow->protocol);
}

/* Of a packet that left no connection: what was looked up for it. */
static __always_inline void owner_by_arrival(int verdict, struct shoal_trace_owner* owner) {
    const struct arrival* arrival = get_arrival();
    if (!arrival || !arrival->opening.flow.protocol || verdict == SHOAL_VERDICT_no_service) return;
    owner->service = arrival->opening.service;
    if (verdict == SHOAL_VERDICT_new_connection) owner->server = arrival->opening.server;
}

static __always_inline void owner_by_passing_flow(struct shoal_trace_owner* owner) {
    const struct shoal_connection* passing = get_passing_flow();
    if (!passing) return;
    owner->service = passing->service;
    owner->server = passing->server;
}

/* `owner` is what was noted, if anything was. */
static __noinline int find_owner(const struct shoal_trace_tuple* arrived, int verdict,
                                 struct shoal_trace_owner* owner) {
    __u32 zero = 0;
    const struct shoal_settings* settings = get_settings();
    struct flow* flow = bpf_map_lookup_elem(&OF_FAMILY(traced_flow), &zero);
    if (!settings || !flow || !arrived->family || owner->service != SHOAL_NOBODY) return 0;
    if (verdict == SHOAL_VERDICT_stateless || verdict == SHOAL_VERDICT_stateless_reply) {
        owner_by_passing_flow(owner);
        return 0;
    }
    set_traced_flow(flow, arrived, false, settings);
    if (owner_in_table(flow, owner)) return 0;
    set_traced_flow(flow, arrived, true, settings);
    if (!owner_in_table(flow, owner)) owner_by_arrival(verdict, owner);
    return 0;
}

static __always_inline bool is_client(const struct shoal_trace_filter* filter,
                                      const __be32 address[4]) {
    __u32 differs = 0;
    for (int i = 0; i < 4; ++i)
        differs |= (address[i] ^ filter->client[i]) & filter->client_mask[i];
    return !differs;
}

/* ICMP and later fragments have no ports; neither has a real server that gets each packet on the
 * port that it came to. */
static __always_inline bool is_end(const __be32 address[4], __be16 port, const __be32 wanted[4],
                                   __be16 wanted_port) {
    __u32 differs = 0;
    for (int i = 0; i < 4; ++i)
        differs |= address[i] ^ wanted[i];
    return !differs && (!wanted_port || !port || port == wanted_port);
}

/* What can be said before the owner is known, so that the other packets cost little. */
static __always_inline bool may_show(const struct shoal_trace_filter* filter,
                                     const struct shoal_trace_tuple* arrived, __u32 verdict) {
    if (!(filter->verdicts >> (verdict & 63) & 1)) return false;
    if (filter->protocol && filter->protocol != arrived->protocol) return false;
    if (filter->family && filter->family != arrived->family) return false;
    return is_client(filter, arrived->source) || is_client(filter, arrived->destination);
}

static __always_inline bool shows_virtual(const struct shoal_trace_filter* filter,
                                          const struct shoal_trace_event* event) {
    const struct shoal_trace_tuple *arrived = &event->arrived, *left = &event->left;
    return !filter->with_virtual ||
           is_end(arrived->destination, arrived->destination_port, filter->virtual_address,
                  filter->virtual_port) ||
           (left->family &&
            is_end(left->source, left->source_port, filter->virtual_address, filter->virtual_port));
}

static __always_inline bool shows_real(const struct shoal_trace_filter* filter,
                                       const struct shoal_trace_event* event) {
    if (!filter->with_real) return true;
    const struct shoal_server* server = get_server(event->server);
    if (server)
        return is_end(server->address, server->port, filter->real_address, filter->real_port);
    return is_end(event->arrived.source, event->arrived.source_port, filter->real_address,
                  filter->real_port);
}

static __always_inline bool take_trace_token(struct shoal_trace_state* state, __u32 hz) {
    __u64 now = bpf_jiffies64(), elapsed = now - state->refilled;
    if (elapsed) {
        __u64 more = elapsed > hz ? SHOAL_TRACE_BURST
                                  : elapsed * SHOAL_TRACE_PACKETS_PER_S / (hz ? hz : 100);
        more += state->tokens;
        state->tokens = more < SHOAL_TRACE_BURST ? more : SHOAL_TRACE_BURST;
        state->refilled = now;
    }
    if (!state->tokens) return false;
    --state->tokens;
    return true;
}

static __noinline int fill_event(hook_context* context, struct shoal_trace_event* event,
                                 const struct shoal_trace_state* state, int verdict) {
    struct shoal_trace_owner owner = state->owner;
    find_owner(&state->arrived, verdict, &owner);
    event->time_ns = bpf_ktime_get_ns();
    event->interface = state->interface;
    event->bytes = state->bytes;
    event->service = owner.service;
    event->server = owner.server;
    event->verdict = verdict;
    event->xdp = is_xdp;
    __builtin_memset(event->zero, 0, sizeof(event->zero));
    event->arrived = state->arrived;
    /* One that is held will arrive once more. */
    if (is_sent(verdict) && verdict != SHOAL_VERDICT_fragment_held)
        read_tuple(context, &event->left);
    else
        __builtin_memset(&event->left, 0, sizeof(event->left));
    return 0;
}

SLOW_PATH int trace_packet(hook_context* context, int verdict) {
    __u32 zero = 0;
    struct shoal_trace_state* state = get_trace_state();
    const struct shoal_trace_filter* filter = bpf_map_lookup_elem(&trace_filter, &zero);
    const struct shoal_settings* settings = get_settings();
    if (!state || !filter || !settings || !state->pending) return 0;
    state->pending = 0;
    if (!may_show(filter, &state->arrived, verdict)) return 0;
    struct shoal_trace_event* event = bpf_ringbuf_reserve(&trace_events, sizeof(*event), 0);
    if (!event) {
        ++state->left_out;
        return 0;
    }
    fill_event(context, event, state, verdict);
    if (!shows_virtual(filter, event) || !shows_real(filter, event)) {
        bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    } else if (!take_trace_token(state, settings->hz)) {
        ++state->left_out;
        bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
    } else {
        /* shoald looks by itself, many times a second. */
        bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The packet path's own code, compiled for the host, under the sanitizers. An input is a set of
 * packets:
 *   byte 0: how the kernel's routes answer; from 8 on packets are traced
 *   then for each packet: flags, linear bytes (tc), length (two bytes, little endian), the frame.
 * The addresses of IPv6 are those of IPv4 behind 2001:db8::. The maps hold virtual servers of every
 * forwarding method, persistence, one packet and FTP. */

#if defined(FUZZ_XDP6)
#include "director_xdp6.bpf.c"
#define ENTRY shoal_ipv6_xdp
#elif defined(FUZZ_TC6)
#include "director_tc6.bpf.c"
#define ENTRY shoal_ipv6_tc
#elif defined(FUZZ_XDP)
#include "director_xdp.bpf.c"
#define ENTRY shoal_xdp
#else
#include "director_tc.bpf.c"
#define ENTRY shoal_tc
#endif
#if defined(HOOK_TC)
#include "control.h"
#endif

#define ADDRESS(a, b, c, d) bpf_htonl((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#define INTERFACE 3
#define LARGEST_FRAME 2048 /* without the headers of a tunnel */
#define MOST_PACKETS 8

enum packet_flags {
    PACKET_LATER = 0x01,     /* ten minutes passed */
    PACKET_TO_OTHERS = 0x02, /* pkt_type */
    PACKET_TAGGED = 0x04,
    PACKET_AGGREGATE = 0x08,
    PACKET_SERVER_GONE = 0x10, /* every real server is removed */
    PACKET_UNRESOLVED = 0x20,  /* no next hop is known */
    PACKET_SWEPT = 0x40,       /* the sweeper runs first */
    PACKET_EXPLAINED = 0x80,   /* first it is asked what would become of it (tc) */
};

static void* value_at(void* value) {
    if (!value) abort();
    return value;
}
#define AT(map, index) value_at(host_lookup(HOST_MAP(&(map)), &(__u32){index}))

static void set_filter_bit(__u64* bits, ip_address address) {
    const __u32 index = (__u32)((__u64)fold_address(address) * 0x9E3779B1U) >> 16;
    bits[index >> 6] |= 1ULL << (index & 63);
}

static ip_address address_like(__be32 v4) {
    __be32 wide[4] = {v4};
    if (FAMILY == 6) {
        wide[0] = bpf_htonl(0x20010db8);
        wide[3] = v4;
    }
    return narrow(wide);
}

struct wanted {
    __be32 virtual_address;
    __u16 port; /* 0: any */
    __u8 protocol;
    __u8 method;
    __u32 flags;
    __u32 persistence;
    __u32 scheduler;
};

static const struct wanted wanted[] = {
    {ADDRESS(192, 0, 2, 80), 80, 6, SHOAL_METHOD_NAT, 0, 0, SHOAL_SCHEDULER_RR},
    {ADDRESS(192, 0, 2, 80), 53, 17, SHOAL_METHOD_NAT, 0, 0, SHOAL_SCHEDULER_WLC},
    {ADDRESS(192, 0, 2, 81), 80, 6, SHOAL_METHOD_DIRECT, 0, 0, SHOAL_SCHEDULER_LC},
    {ADDRESS(192, 0, 2, 82), 0, 6, SHOAL_METHOD_NAT, SHOAL_SERVICE_ACCESS, 1000,
     SHOAL_SCHEDULER_SED},
    {ADDRESS(192, 0, 2, 82), 0, 17, SHOAL_METHOD_DIRECT, 0, 1000, SHOAL_SCHEDULER_TWOS},
    {ADDRESS(192, 0, 2, 83), 53, 17, SHOAL_METHOD_NAT, SHOAL_SERVICE_ONE_PACKET, 0,
     SHOAL_SCHEDULER_WRR},
    {ADDRESS(192, 0, 2, 83), 21, 6, SHOAL_METHOD_NAT, 0, 0, SHOAL_SCHEDULER_LBLC},
    {ADDRESS(192, 0, 2, 84), 80, 6, SHOAL_METHOD_TUNNEL, 0, 0, SHOAL_SCHEDULER_RR},
    {ADDRESS(192, 0, 2, 84), 53, 17, SHOAL_METHOD_TUNNEL, SHOAL_SERVICE_ONE_PACKET, 0,
     SHOAL_SCHEDULER_RR},
    {ADDRESS(192, 0, 2, 85), 80, 6, SHOAL_METHOD_LOCAL, 0, 0, SHOAL_SCHEDULER_RR},
};
#define SERVICES (sizeof(wanted) / sizeof(wanted[0]))
#define SERVERS_EACH 3 /* as many as there are types of tunnels */
#define TUNNEL_SOURCE ADDRESS(10, 0, 0, 254)

/* Names of the inner maps. */
static char pool_names[SERVICES];

static void add_server(__u32 service, __u32 place, struct shoal_pool_node* leaf) {
    const __u32 index = service * SERVERS_EACH + place;
    struct shoal_server* server = AT(server_table, index);
    struct shoal_server_detail* detail = AT(server_details, index);
    const ip_address address = address_like(ADDRESS(10, 0, service, place + 1));
    widen(server->address, address);
    widen(detail->next_hop, address);
    server->family = FAMILY;
    detail->family = FAMILY;
    server->port = wanted[service].port ? bpf_htons(8080) : 0;
    if (wanted[service].method == SHOAL_METHOD_DIRECT)
        server->port = bpf_htons(wanted[service].port);
    server->method = wanted[service].method;
    server->tunnel = place;
    widen(server->tunnel_source, address_like(TUNNEL_SOURCE));
    server->tunnel_port = bpf_htons(6080);
    server->interface = INTERFACE;
    server->mtu = 1500;
    server->service = service;
    server->flags = SHOAL_SERVER_IN_USE | SHOAL_SERVER_AVAILABLE | SHOAL_SERVER_NEXT_HOP_KNOWN;
    leaf->server[place] = index;
    leaf->weight[place] = 1;
    leaf->score[place] = 0;
    struct shoal_server_load* load = AT(server_loads, index);
    load->position[0] = load->position[1] = (__u16)place;
    if (wanted[service].method == SHOAL_METHOD_NAT)
        set_filter_bit(((struct shoal_address_filter*)AT(address_filter, 0))->real_bits, address);
}

static void make_pool(__u32 service) {
    void* name = &pool_names[service];
    host_update(HOST_MAP(&pools), &service, &name, BPF_ANY);
    struct shoal_pool_node* node = bpf_map_lookup_elem((void*)name, &(__u32){0});
    struct shoal_pool_node* leaf = bpf_map_lookup_elem((void*)name, &(__u32){1});
    node->header = (struct shoal_pool_header){.count = SERVERS_EACH,
                                              .generation = 1,
                                              .scheduler = wanted[service].scheduler,
                                              .max_weight = 1,
                                              .weight_gcd = 1,
                                              .leaves = 1,
                                              .root = 1,
                                              .depth = 1};
    for (__u32 slot = 0; slot < SHOAL_NODE_SLOTS; ++slot) {
        leaf->score[slot] = SHOAL_SCORE_NONE;
        leaf->server[slot] = SHOAL_NO_SERVER;
    }
    for (__u32 place = 0; place < SERVERS_EACH; ++place)
        add_server(service, place, leaf);
}

static void add_service(__u32 index) {
    const struct wanted* want = &wanted[index];
    struct shoal_service* service = AT(service_table, index);
    const ip_address address = address_like(want->virtual_address);
    widen(service->key.address, address);
    service->key.port = bpf_htons(want->port);
    service->key.protocol = want->protocol;
    service->key.family = FAMILY;
    service->in_use = 1;
    service->scheduler = want->scheduler;
    service->flags = want->flags;
    service->persistence_timeout = want->persistence;
    service->persistence_mask = ADDRESS(255, 255, 255, 0);
    service->persistence_length_v6 = 120;
    if (want->port) {
        host_update(HOST_MAP(&services), &service->key, &index, BPF_ANY);
    } else {
        struct shoal_port_key key = {.length = 144, .protocol = want->protocol, .family = FAMILY};
        widen(key.address, address);
        host_update(HOST_MAP(&service_ports), &key, &index, BPF_ANY);
    }
    if (want->flags & SHOAL_SERVICE_ACCESS) {
        struct shoal_access_key key = {.length = 32 + ADDRESS_BITS - 24, .service = index};
        widen(key.address, address_like(ADDRESS(203, 0, 0, 0)));
        host_update(HOST_MAP(&access_list), &key, &(__u32){0}, BPF_ANY);
    }
    set_filter_bit(((struct shoal_address_filter*)AT(address_filter, 0))->virtual_bits, address);
    make_pool(index);
}

static void configure(void) {
    struct shoal_settings* now = AT(settings, 0);
    now->hash_key[0] = 1;
    now->cells = shoal_cell_mask + 1;
    now->buckets = shoal_bucket_mask + 1;
    now->hz = 250;
    for (__u32 state = 0; state < SHOAL_STATES; ++state)
        now->timeout[state] = 60 * now->hz;
    for (__u32 cell = 1; cell <= shoal_cell_mask; ++cell) {
        ((struct shoal_connection*)AT(connections, cell))->word = SHOAL_STATE_FREE;
        *(__u32*)AT(free_cells, cell - 1) = cell;
    }
    struct shoal_free_ring* ring = AT(free_ring, 0);
    ring->tail = ring->resting = ring->written = shoal_cell_mask;
    for (__u32 index = 1; index < 8; ++index) {
        struct shoal_device* device = AT(devices, index);
        device->interface = index;
        device->mtu = 1500;
    }
    for (__u32 index = 0; index < SERVICES; ++index)
        add_service(index);
}

static void set_servers(__u8 flags) {
    __u8 now = SHOAL_SERVER_IN_USE;
    if (!(flags & PACKET_SERVER_GONE)) now |= SHOAL_SERVER_AVAILABLE;
    if (!(flags & PACKET_UNRESOLVED)) now |= SHOAL_SERVER_NEXT_HOP_KNOWN;
    for (__u32 index = 0; index < SERVICES * SERVERS_EACH; ++index) {
        bool local = wanted[index / SERVERS_EACH].method == SHOAL_METHOD_LOCAL;
        struct shoal_server* server = AT(server_table, index);
        server->flags = local ? now | SHOAL_SERVER_LOCAL : now;
    }
}

static __u64 counted_verdicts(void) {
    __u64 sum = 0;
    for (__u32 verdict = 0; verdict < SHOAL_VERDICT_COUNT; ++verdict)
        sum += *(__u64*)AT(verdicts, verdict);
    return sum;
}

static void check(bool holds) {
    if (!holds) abort();
}

#if defined(HOOK_TC)
static void explain_first(const __u8* frame, __u32 length) {
    struct shoal_explanation* question = AT(explanation, 0);
    const ip_header* ip = (const ip_header*)(frame + ETH_HLEN);
    if (length < ETH_HLEN + sizeof(*ip) + 4) return;
    memset(question, 0, sizeof(*question));
    widen(question->client_address, source_of(ip));
    widen(question->virtual_address, destination_of(ip));
    memcpy(&question->client_port, ip + 1, 4); /* and virtual_port */
    question->protocol = frame[ETH_HLEN + (FAMILY == 4 ? 9 : 6)];
    question->with_client_port = frame[ETH_HLEN + 1] & 1;
    question->opens = frame[ETH_HLEN + 1] >> 1 & 1;
    question->service = question->server = SHOAL_NOBODY;
    check(answer_question() == 0 && question->verdict < SHOAL_VERDICT_COUNT);
    check(question->server == SHOAL_NOBODY || question->server < SERVICES * SERVERS_EACH);
}
#endif

static int run(__u8 flags, __u32 length) {
#if defined(HOOK_XDP)
    (void)flags;
    struct xdp_md context = {.data = (__u32)(unsigned long)host_data(), .ingress_ifindex = 1};
    context.data_end = context.data + host_packet.linear;
    (void)length;
    return ENTRY(&context);
#else
    struct __sk_buff context = {.ifindex = 1, .len = length};
    host_set_pointers(&context);
    if (flags & PACKET_SWEPT) sweep_now(&context);
    context.pkt_type = flags & PACKET_TO_OTHERS ? 3 : 0;
    context.vlan_present = !!(flags & PACKET_TAGGED);
    context.gso_segs = flags & PACKET_AGGREGATE ? 3 : 0;
    context.gso_size = flags & PACKET_AGGREGATE ? 400 : 0;
    return ENTRY(&context);
#endif
}

/* Whether the packet became an ICMP error about itself. */
static bool is_told(const __u8* frame, const __u8* after, __u32 length) {
#if defined(FAMILY_6)
    const __u32 protocol = ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), icmp = IPPROTO_ICMPV6;
#else
    const __u32 protocol = ETH_HLEN + offsetof(struct iphdr, protocol), icmp = IPPROTO_ICMP;
#endif
    return length > protocol && after[protocol] == icmp && frame[protocol] != icmp;
}

/* The packet is in a tunnel, as it was but for its time to live. */
static void check_tunnel(const __u8* frame, const __u8* after, __u32 length) {
    const __u32 overhead = host_packet.bytes - length;
    const __u32 addresses = ETH_HLEN + offsetof(ip_header, saddr);
    const __u32 outer = overhead - sizeof(ip_header);
    check(host_packet.bytes > length);
    check(outer == 0 || outer == 4 || outer == 12);
    check(host.sent_to == INTERFACE);
    const ip_address source = address_like(TUNNEL_SOURCE);
    check(memcmp(after + addresses, &source, sizeof(source)) == 0);
    check(memcmp(after + overhead + addresses, frame + addresses, length - addresses) == 0);
}

/* One verdict each; what passes is as it was, and what is sent goes to a device that there is. */
static void handle(__u8 flags, const __u8* frame, __u32 length, __u32 linear) {
    static __u8 after[LARGEST_FRAME + 52];
    if (flags & PACKET_LATER) host.jiffies += 600 * 250;
    ++host.jiffies;
    set_servers(flags);
    host.sent_to = 0;
#if defined(HOOK_TC)
    if (flags & PACKET_EXPLAINED) explain_first(frame, length);
#endif
    host_put_packet(frame, length, linear);
    const __u64 before = counted_verdicts();
    const int action = run(flags, length);
    check(counted_verdicts() == before + 1);
    host_take_packet(after);
    if (is_told(frame, after, length)) {
        check(host.sent_to == 1);
        return;
    }
    if (host_packet.bytes != length) {
        check(action != ACTION_PASS);
        if (action != ACTION_DROP) check_tunnel(frame, after, length);
        return;
    }
    if (action == ACTION_PASS) {
        check(memcmp(frame, after, length) == 0);
    } else if (action != ACTION_DROP) {
#if defined(HOOK_XDP)
        check(action == XDP_REDIRECT || action == XDP_TX);
        check(action == XDP_TX || host.sent_to == INTERFACE || host.sent_to == host.route_device);
#else
        check(action == TC_ACT_REDIRECT);
        check(host.sent_to == INTERFACE || host.sent_to == host.route_device || host.sent_to == 1);
#endif
        check(memcmp(frame + 12, after + 12, 8) == 0); /* ether type to fragment's number */
    }
}

int LLVMFuzzerTestOneInput(const __u8* data, size_t size) {
    static const long routes[] = {BPF_FIB_LKUP_RET_SUCCESS, BPF_FIB_LKUP_RET_NO_NEIGH,
                                  BPF_FIB_LKUP_RET_NOT_FWDED, BPF_FIB_LKUP_RET_FRAG_NEEDED};
    if (size < 1) return 0;
    host_clear_maps();
    configure();
    if (data[0] & 8) {
        ((struct shoal_settings*)AT(settings, 0))->trace_until = ~0ULL;
        ((struct shoal_trace_filter*)AT(trace_filter, 0))->verdicts = ~0ULL;
    }
    host.jiffies = 1000000;
    host.random = 1;
    host.route_result = routes[data[0] & 3];
    host.route_device = data[0] & 4 ? 1 : 4;
    size_t at = 1;
    for (int packet = 0; packet < MOST_PACKETS && at + 4 <= size; ++packet) {
        const __u8 flags = data[at];
        __u32 linear = data[at + 1];
        __u32 length = data[at + 2] | (__u32)data[at + 3] << 8;
        at += 4;
        if (length > size - at) length = (__u32)(size - at);
        if (length > LARGEST_FRAME) length = LARGEST_FRAME;
        if (length < ETH_HLEN) break;
#if defined(HOOK_XDP)
        linear = length;
#else
        if (linear < ETH_HLEN) linear = ETH_HLEN;
        if (data[at - 3] == 255) linear = length;
#endif
        handle(flags, data + at, length, linear);
        at += length;
    }
    return 0;
}

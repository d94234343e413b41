/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the packet path and shoald share: the layout of every map value. Included by BPF C and by
 * C++; both sides assert the sizes. Addresses and ports are in network byte order wherever the type
 * says __be; IPv4 addresses of 16-byte fields lie in the first four bytes.
 *
 * Any change of a layout or of a meaning here raises SHOAL_ABI_VERSION: a shoald that finds pinned
 * maps of another version does not touch them. */

#include <linux/types.h>

#ifdef __cplusplus
#define SHOAL_ASSERT static_assert
#else
#define SHOAL_ASSERT _Static_assert
#endif
#define SHOAL_CACHE_LINE __attribute__((aligned(64)))

#define SHOAL_ABI_VERSION 1

/* Sizes of the maps that do not follow the table size. */
#define SHOAL_MAX_SERVICES 4096
#define SHOAL_MAX_SERVERS 16384
#define SHOAL_MAX_POOL 256 /* real servers of one virtual server */
#define SHOAL_MAX_CELLS (1U << 24)

/* ---- Flow index -------------------------------------------------------------------------------
 * A bucket is one cache line. A slot holds the cell of a connection, a signature of its hash, and,
 * in the last slot of a bucket only, the number of connections that had to go to the overflow map
 * because this bucket (their first) and its alternate were full. One word, so that a
 * compare-and-swap changes the slot without losing the count. */
#define SHOAL_BUCKET_SLOTS 8
#define SHOAL_SLOT_CELL_MASK 0x0000000000ffffffULL /* 0: the slot is empty */
#define SHOAL_SLOT_OVERFLOW_MASK 0x000000ffff000000ULL
#define SHOAL_SLOT_OVERFLOW_ONE 0x0000000001000000ULL
#define SHOAL_SLOT_SIGNATURE_MASK 0xffffff0000000000ULL

struct shoal_bucket {
    __u64 slot[SHOAL_BUCKET_SLOTS];
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_bucket) == 64, "one cache line");

/* ---- Connections ------------------------------------------------------------------------------
 * The state word of a connection: state in bits 0-7, flags in bits 8-15, generation in bits 16-31.
 * It changes by compare-and-swap alone, and whoever wins a change adjusts the real server's counts.
 * The generation is raised when a cell becomes free, so that a program that still holds the cell's
 * number cannot change its next connection. */
enum shoal_state {
    /* IPVS's TCP states, in the kernel's order. */
    SHOAL_STATE_NONE = 0,
    SHOAL_STATE_ESTABLISHED,
    SHOAL_STATE_SYN_SENT,
    SHOAL_STATE_SYN_RECV,
    SHOAL_STATE_FIN_WAIT,
    SHOAL_STATE_TIME_WAIT,
    SHOAL_STATE_CLOSE,
    SHOAL_STATE_CLOSE_WAIT,
    SHOAL_STATE_LAST_ACK,
    SHOAL_STATE_LISTEN,
    SHOAL_STATE_SYNACK,
    SHOAL_STATE_UDP,
    SHOAL_STATES, /* states above hold a timeout in shoal_settings */
    /* The life of a cell. */
    SHOAL_STATE_FREE = 0xf0, /* in the free ring, or in a CPU's hand and not yet indexed */
    SHOAL_STATE_PENDING =
        0xf1,                /* indexed, not yet sure to be the only one of its tuple; uncounted */
    SHOAL_STATE_DEAD = 0xf2, /* over and uncounted; the sweeper takes it out of the index */
};
#define SHOAL_WORD_STATE_MASK 0x000000ffU
#define SHOAL_WORD_INACTIVE 0x00000100U /* counted as inactive, not as active */
#define SHOAL_WORD_REPLY_SEEN                                           \
    0x00000200U /* IPVS's NOOUTPUT, inverted: a reply came through here \
                 */
#define SHOAL_WORD_GENERATION_SHIFT 16

enum shoal_method { SHOAL_METHOD_NAT = 0, SHOAL_METHOD_DIRECT = 1, SHOAL_METHOD_TUNNEL = 2 };

struct shoal_connection {
    __u32 word;
    __u32 seen; /* low half of jiffies at the last packet, written at most four times a second */
    __be32 client_address;
    __be32 virtual_address;
    __be32 real_address;
    __be16 client_port;
    __be16 virtual_port;
    __be16 real_port;
    __u8 protocol;
    __u8 method;
    __u32 service; /* index into service_table */
    __u32 server;  /* index into server_table */
    /* The way to the client, for NAT replies; looked up in the kernel's routes, good while
     * client_epoch equals the current epoch (see shoal_settings.route_generation). */
    __u32 client_interface; /* 0: not known */
    __u8 client_mac[6];
    __u8 client_source_mac[6];
    __u16 client_epoch;
    __u16 reserved[5];
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_connection) == 64, "one cache line");

/* A connection whose two buckets are full. NAT connections have two entries: as the client's
 * packets name it (the virtual server) and as the replies name it (the real server). The value is
 * the cell. */
struct shoal_overflow_key {
    __be32 client_address[4];
    __be32 other_address[4];
    __be16 client_port;
    __be16 other_port;
    __u8 protocol;
    __u8 reply; /* 1: other_* is the real server */
    __u16 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_overflow_key) == 40, "no holes in a hash key");

/* ---- Free cells -------------------------------------------------------------------------------
 * free_cells is a ring with as many places as there are cells. Only the sweeper puts cells in;
 * every CPU takes batches out by compare-and-swap on head. Places from tail to written are cells
 * that rest: the sweeper moves tail up a tick later, when no program can still hold them. */
struct shoal_free_ring {
    __u32 head SHOAL_CACHE_LINE;
    __u32 tail SHOAL_CACHE_LINE;
    __u32 written; /* the sweeper's alone */
};

#define SHOAL_FREE_BATCH 32
struct shoal_free_batch { /* per CPU */
    __u32 count;
    __u32 cell[SHOAL_FREE_BATCH];
};

/* ---- Hashing ----------------------------------------------------------------------------------
 * Packets come in trains; hashing costs a third of an established packet's time. */
struct shoal_recent_flow { /* per CPU */
    __u64 tuple;           /* the hashed word of the CPU's last packet; 0: none yet */
    __u64 hash;
};

/* ---- Virtual and real servers ----------------------------------------------------------------*/
struct shoal_service_key {
    __be32 address[4];
    __be16 port;
    __u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    __u8 family;   /* 4 or 6 */
    __u32 mark;    /* firewall mark; then the fields above except family are 0 */
};
SHOAL_ASSERT(sizeof(struct shoal_service_key) == 24, "no holes in a hash key");

enum shoal_scheduler {
    SHOAL_SCHEDULER_RR = 0,
    SHOAL_SCHEDULER_WRR,
    SHOAL_SCHEDULER_LC,
    SHOAL_SCHEDULER_WLC,
};

struct shoal_service {
    struct shoal_service_key key;
    __u32 in_use; /* 0: the index is free; everything else is then void */
    __u32 scheduler;
    __u32 reserved[8];
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_service) == 64, "one cache line");

#define SHOAL_SERVER_AVAILABLE 0x01 /* in its service's list; clear: removed, waiting for its */
                                    /* last connection before the index is used again */
#define SHOAL_SERVER_NEXT_HOP_KNOWN 0x02 /* mac is good */
#define SHOAL_SERVER_IN_USE 0x04         /* the index is taken */

struct shoal_server {
    __be32 address[4];
    __be16 port;
    __u8 method;     /* enum shoal_method */
    __u8 flags;      /* written last when a next hop becomes known, cleared first when it changes */
    __u32 interface; /* 0: no route */
    __u8 mac[6];
    __u8 source_mac[6];
    __be32 next_hop[4]; /* gateway, or the real server itself */
    __u32 service;
    __u32 mtu;
    __u32 reserved;
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_server) == 64, "one cache line");

/* server_loads: per real server one word, active connections in the high half, inactive ones in the
 * low half: one atomic add changes both, one load reads both. IPVS's overhead is
 * active * 256 + inactive. */
#define SHOAL_LOAD_ACTIVE_ONE (1ULL << 32)
#define SHOAL_LOAD_INACTIVE_ONE 1ULL

/* The real servers of one virtual server in IPVS's list order (newest first): the single value of
 * an inner map, built aside and swapped in. `carry` tells where a cursor of the previous list
 * stands in this one, by IPVS's rules. Cursor positions: 0 is the list's head, n is member[n-1]. */
struct shoal_pool_member {
    __u32 server;
    __u32 weight;
};
struct shoal_pool {
    __u32 count;
    __u32 generation;                /* raised by one at each swap; low 16 bits are compared */
    __u32 max_weight;                /* of members with weight > 0; 0 if none */
    __u32 weight_gcd;                /* of members with weight > 0; 1 if none */
    __u16 carry[SHOAL_MAX_POOL + 8]; /* old position -> new position */
    struct shoal_pool_member member[SHOAL_MAX_POOL];
};

/* scheduler_state: per service the cursor of rr and wrr as one word, changed by compare-and-swap.
 */
union shoal_cursor {
    struct {
        __u32 current_weight; /* wrr's cw */
        __u16 position;       /* last chosen; 0: the list's head */
        __u16 generation;     /* of the pool the position belongs to */
    };
    __u64 word;
};
SHOAL_ASSERT(sizeof(union shoal_cursor) == 8, "one word");

/* ---- Statistics (per CPU) --------------------------------------------------------------------*/
struct shoal_counters {
    __u64 connections;
    __u64 packets_in;
    __u64 packets_out;
    __u64 bytes_in; /* of the IP packet, as IPVS counts */
    __u64 bytes_out;
    __u64 reserved[3];
} SHOAL_CACHE_LINE;

/* ---- Settings --------------------------------------------------------------------------------*/
struct shoal_settings {
    __u64 hash_key[2]; /* SipHash-1-3, random, made once with the table */
    __u32 abi_version;
    __u32 cells;   /* power of two; cell 0 is never used */
    __u32 buckets; /* power of two, cells / 4: two slots a cell */
    __u32 hz;
    /* Raised by shoald when routes or neighbours change. The epoch that connections compare is
     * (route_generation + jiffies / (30 * hz)) & 0xffff: where shoald is dead, a client's next hop
     * is still looked up again every 30 s. */
    __u32 route_generation;
    __u32 timeout[SHOAL_STATES]; /* jiffies, by enum shoal_state */
};

/* One bit per hash of an address, before anything else is looked at: packets of addresses that have
 * no bit are foreign. Index: (address * 0x9E3779B1) >> 16, address as loaded by the CPU. */
#define SHOAL_FILTER_WORDS 1024
struct shoal_address_filter {
    __u64 virtual_bits[SHOAL_FILTER_WORDS]; /* virtual servers' addresses: client packets */
    __u64 real_bits[SHOAL_FILTER_WORDS];    /* NAT real servers' addresses: replies */
};

/* ---- Sweeper ---------------------------------------------------------------------------------*/
#define SHOAL_SWEEP_TICK_NS \
    20000000ULL /* one tick; a whole round takes SHOAL_SWEEP_TICKS of them */
#define SHOAL_SWEEP_TICKS 50
struct shoal_sweeper {
    __u64 ticks;
    __u64 last_tick_ns;      /* CLOCK_MONOTONIC */
    __u64 last_tick_jiffies; /* bpf_jiffies64() at the same moment */
    __u32 busy;              /* 1: a sweep runs; a second one leaves at once */
    __u32 position;          /* next cell */
    __u64 expired;           /* connections ended by time-out, ever */
    __u32 used;              /* cells in use at the last whole round */
    __u32 counting;          /* the sum of the round under way */
};

/* ---- Verdicts --------------------------------------------------------------------------------
 * SHOAL_VERDICT(name, "meaning"): every exit of the packet path. */
#define SHOAL_VERDICTS(V)                                                                     \
    V(foreign, "passed: not to a virtual server and not from a real server")                  \
    V(forwarded, "sent to a real server")                                                     \
    V(replied, "a real server's answer sent to the client")                                   \
    V(new_connection, "first packet of a new connection, sent to a real server")              \
    V(passed_up, "left by XDP to the complete program at tc")                                 \
    V(not_balanced, "passed: ICMP, or a protocol that is not balanced")                       \
    V(no_service, "passed: a virtual address, but no virtual server on this port")            \
    V(no_connection, "passed: neither a known connection nor the start of one")               \
    V(not_ours, "passed: from a real server, but of no balanced connection")                  \
    V(server_gone, "connection of a removed real server ended; TCP is answered with a reset") \
    V(no_server, "dropped: no real server is usable")                                         \
    V(no_route, "dropped: no route to the real server or client")                             \
    V(table_full, "dropped: new connection, but the table is full")                           \
    V(fragment, "dropped: a fragment to or from a virtual server")                            \
    V(truncated, "dropped: headers cut short or inconsistent")                                \
    V(ttl_expired, "dropped: time to live used up")                                           \
    V(no_tunnel, "dropped: tunneling is not available yet")                                   \
    V(internal, "dropped: an impossible state; please report it")
enum shoal_verdict {
#define SHOAL_VERDICT_NAME(name, meaning) SHOAL_VERDICT_##name,
    SHOAL_VERDICTS(SHOAL_VERDICT_NAME)
#undef SHOAL_VERDICT_NAME
        SHOAL_VERDICT_COUNT
};

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What the packet path and shoald share: the layout of every map value. Included by BPF C and by
 * C++; both sides assert the sizes. Addresses and ports are in network byte order wherever the type
 * says __be; IPv4 addresses of 16-byte fields lie in the first four bytes.
 *
 * Any change of a layout or of a meaning here raises SHOAL_ABI_VERSION: a shoald that finds pinned
 * maps of another version does not touch them, unless SHOAL_COMMON_VERSION says that it may take
 * their connections over. */

#include <linux/types.h>

#ifdef __cplusplus
#define SHOAL_ASSERT static_assert
#else
#define SHOAL_ASSERT _Static_assert
#endif
#define SHOAL_CACHE_LINE __attribute__((aligned(64)))
/* Arithmetic that both sides must do alike. */
#define SHOAL_INLINE static inline __attribute__((always_inline, unused))

#define SHOAL_ABI_VERSION 7
/* Raised where that change is in a map that one version leaves to another (see loader.h), or in
 * what the members of a connection's records and their values mean. As long as it stays, a shoald
 * moves the connections of another version to a table of its own: it finds members by their names.
 */
#define SHOAL_COMMON_VERSION 1

/* Sizes of the maps that do not follow the table size. */
#define SHOAL_USUAL_SERVICES 4096
#define SHOAL_USUAL_SERVERS 16384
/* Where the configuration has more than the usual when the maps are made. */
#define SHOAL_MAX_SERVICES 16384
#define SHOAL_MAX_SERVERS 131072
#define SHOAL_MAX_POOL 4096       /* real servers of one virtual server */
#define SHOAL_MAX_LINEAR_POOL 256 /* under lblc, lblcr and twos, which look at each of them */
#define SHOAL_MAX_LOCALITIES 4096
#define SHOAL_MAX_CELLS (1U << 24)
#define SHOAL_MAX_DEVICES 4096 /* a power of two */

/* ---- Flow index -------------------------------------------------------------------------------
 * A bucket is one cache line. A slot holds the cell of a connection, a signature of its hash, and
 * in two slots a count of the connections whose first bucket this is and which stand elsewhere: in
 * their alternate bucket, or in the overflow map. Where the counts are 0, nobody looks there. One
 * word, so that a compare-and-swap changes the slot without losing the count. */
#define SHOAL_BUCKET_SLOTS 8
#define SHOAL_SLOT_CELL_MASK 0x0000000000ffffffULL /* 0: the slot is empty */
#define SHOAL_SLOT_COUNT_MASK 0x000000ffff000000ULL
#define SHOAL_SLOT_COUNT_ONE 0x0000000001000000ULL
#define SHOAL_ALTERNATE_COUNT_SLOT 6
#define SHOAL_OVERFLOW_COUNT_SLOT 7
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
    /* A persistence template: shoal_service.persistence_timeout after the last opening under it it
     * ends, but not while connections are open under it. Counted as neither active nor inactive. */
    SHOAL_STATE_TEMPLATE = 0xe0,
    /* The life of a cell. */
    SHOAL_STATE_FREE = 0xf0, /* in the free ring, or in a CPU's hand on its way there or back */
    SHOAL_STATE_PENDING =
        0xf1,                /* indexed, not yet sure to be the only one of its tuple; uncounted */
    SHOAL_STATE_DEAD = 0xf2, /* over; the sweeper takes it out of the index */
    SHOAL_STATE_ADDRESSES = 0xf3, /* no connection: a struct shoal_addresses */
};
#define SHOAL_WORD_STATE_MASK 0x000000ffU
#define SHOAL_WORD_INACTIVE 0x00000100U /* counted as inactive, not as active */
#define SHOAL_WORD_REPLY_SEEN                                                                      \
    0x00000200U                            /* IPVS's NOOUTPUT, inverted: a reply came through here \
                                            */
#define SHOAL_WORD_FTP_CONTROL 0x00000400U /* has its share in ftp_controls */
#define SHOAL_WORD_IPV6 0x00000800U        /* its addresses are in address_cell */
#define SHOAL_WORD_GENERATION_SHIFT 16

enum shoal_method {
    SHOAL_METHOD_NAT = 0,
    SHOAL_METHOD_DIRECT = 1,
    SHOAL_METHOD_TUNNEL = 2,
    /* Of connections alone: the real server is the director itself. */
    SHOAL_METHOD_LOCAL = 3,
};

/* What an encapsulated packet begins with; the numbers are IPVS's. */
enum shoal_tunnel {
    SHOAL_TUNNEL_IPIP = 0, /* RFC 2003: an IP header */
    SHOAL_TUNNEL_GUE = 1,  /* and UDP without a checksum, and GUE version 0 without options */
    SHOAL_TUNNEL_GRE = 2,  /* RFC 2784: and GRE without options */
};

/* A persistence template is a cell too: client_address is masked, client_port 0, protocol
 * SHOAL_PROTOCOL_TEMPLATE, and virtual_address is the index of the service, so that it is found by
 * the client and the service alone. real_port is 0 where the service has several ports.
 * client_interface is 1 once a connection under it was established. Its cell is not freed while
 * template_cell of any connection names it. */
#define SHOAL_PROTOCOL_TEMPLATE 255 /* reserved by IANA: no packet has it */

struct shoal_connection {
    __u32 word;
    __u32 seen; /* low half of jiffies at the last packet, written at most four times a second */
    __be32 client_address; /* of IPv6: SHOAL_NOT_IPV4 */
    __be32 virtual_address;
    union {
        __be32 real_address;
        __u32 address_cell; /* of IPv6 */
    };
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
    __u16 load_epoch;    /* shoal_service.load_epoch when it was opened */
    __u32 template_cell; /* the template that it was opened under; 0: none */
    __u32 controlled;    /* of a template: the connections that were opened under it and live */
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_connection) == 64, "one cache line");

/* The addresses of an IPv6 connection or template: another cell of the same table, in use as long
 * as its owner's. A template's virtual_address holds the index of the service in its first word. */
struct shoal_addresses {
    __u32 word;  /* SHOAL_STATE_ADDRESSES, no flags */
    __u32 owner; /* cell of the connection */
    __be32 client_address[4];
    __be32 virtual_address[4];
    __be32 real_address[4];
    __u32 zero[2];
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_addresses) == 64, "one cache line");

/* In the place of an IPv6 connection's addresses: one that neither a client nor a virtual server of
 * IPv4 has, so that no packet of IPv4 finds it. */
#define SHOAL_NOT_IPV4 0xffffffffU

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
 * free_cells is a ring with as many places as there are cells, so whoever has a cell to put back
 * finds room. Its place is the old value of `written`, raised by an atomic add; every CPU takes
 * batches out by compare-and-swap on head, and leaves 0 in their places. Places from tail on are
 * cells that rest: the sweeper moves tail up a whole tick after they were put in, when no program
 * can still hold their numbers, and never past a place that is still 0: a virtual CPU may have been
 * stopped between the two steps of putting one in. */
struct shoal_free_ring {
    __u32 head SHOAL_CACHE_LINE;
    __u32 tail SHOAL_CACHE_LINE;
    __u32 resting; /* the sweeper's: `written` at the end of its last tick */
    __u32 written SHOAL_CACHE_LINE;
};

/* With fewer free and resting cells than this, half-open connections are reclaimed: an eighth. */
#define SHOAL_RESERVE_SHIFT 3

#define SHOAL_FREE_BATCH 32
struct shoal_free_batch { /* per CPU */
    __u32 count;
    __u32 scarce;   /* 1: the ring held less than the reserve when the batch was taken */
    __u32 position; /* next cell to look at for reclaiming; 0: not begun */
    __u32 cell[SHOAL_FREE_BATCH];
};

/* ---- Hashing ----------------------------------------------------------------------------------
 * Packets come in trains; hashing costs a third of an established packet's time. */
struct shoal_recent_flow { /* per CPU */
    __u64 tuple[3]; /* the hashed words of the CPU's last packet; IPv4 has one; 0: none yet */
    __u64 hash;
};

/* Looking a virtual server up costs a seventh of a new connection, and these come in trains too. */
struct shoal_recent_service { /* per CPU */
    __u32 jiffies;            /* of the look-up; good for this one alone */
    __u32 service;            /* index, found in `services` under its own key */
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
    SHOAL_SCHEDULER_LBLC,
    SHOAL_SCHEDULER_LBLCR,
    SHOAL_SCHEDULER_DH,
    SHOAL_SCHEDULER_SH,
    SHOAL_SCHEDULER_SED,
    SHOAL_SCHEDULER_NQ,
    SHOAL_SCHEDULER_FO,
    SHOAL_SCHEDULER_OVF,
    SHOAL_SCHEDULER_MH,
    SHOAL_SCHEDULER_TWOS,
};

#define SHOAL_SERVICE_ONE_PACKET 0x01    /* each datagram is scheduled on its own */
#define SHOAL_SERVICE_HASH_PORT 0x02     /* sh-port, mh-port */
#define SHOAL_SERVICE_HASH_FALLBACK 0x04 /* sh-fallback, mh-fallback */
#define SHOAL_SERVICE_ACCESS 0x08        /* access_list has prefixes of this service */
#define SHOAL_SERVICE_CLOSED 0x10        /* clients of no prefix are denied */
#define SHOAL_SERVICE_KEEP_QUIESCED 0x20 /* templates hold for servers of weight 0 */
#define SHOAL_SERVICE_QUIESCE 0x40       /* load_epoch advances when a server joins */

/* key.port is the first port of a range and key.port 0 with last_port 0 any port; such services and
 * marks are found by service_ports, the others by services. */
struct shoal_service {
    struct shoal_service_key key;
    __u32 in_use; /* 0: the index is free; everything else is then void */
    __u32 scheduler;
    __u32 flags;               /* SHOAL_SERVICE_* */
    __u32 persistence_timeout; /* jiffies; 0: not persistent */
    __be32 persistence_mask;   /* IPv4 */
    __u8 persistence_length_v6;
    __u8 zero;
    __be16 last_port;
    __u16 load_epoch; /* raised when real servers' baselines are set, see shoal_server_load */
    __u16 zero2;
    __u32 mh_table_size;
    __u32 reserved[2];
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_service) == 64, "one cache line");

#define SHOAL_SERVER_AVAILABLE 0x01 /* in its service's list; clear: removed, waiting for its */
                                    /* last connection before the index is used again */
#define SHOAL_SERVER_NEXT_HOP_KNOWN 0x02 /* mac is good */
#define SHOAL_SERVER_IN_USE 0x04         /* the index is taken */
#define SHOAL_SERVER_KEPT 0x08           /* not available, but its connections go on */
#define SHOAL_SERVER_LOCAL 0x10          /* its address is the director's own */

/* What the packets of known connections need. */
struct shoal_server {
    __be32 address[4];
    __be16 port;
    __u8 method;     /* enum shoal_method */
    __u8 flags;      /* written last when a next hop becomes known, cleared first when it changes */
    __u32 interface; /* 0: no route */
    __u8 mac[6];
    __u8 source_mac[6];
    __be32 tunnel_source[4]; /* the director's address on the way there */
    __u32 service;
    __u32 mtu;          /* of the way there; 0: not known, and then nothing is too big */
    __be16 tunnel_port; /* of GUE */
    __u8 tunnel;        /* enum shoal_tunnel */
    __u8 family;        /* of `address`, 4 or 6: under tunneling not always the virtual server's */
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_server) == 64, "one cache line");

/* The rest, in an array of its own: server_details. */
struct shoal_server_detail {
    __be32 next_hop[4]; /* gateway, or the real server itself */
    __u32 use;          /* raised each time the index is given to another real server */
    __u32 family;       /* of next_hop, 4 or 6 */
    __u32 signalled;    /* jiffies of the last struct shoal_signal */
    __u32 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_server_detail) == 32, "two in a cache line");

/* What packets tell of a real server's health, by the ring buffer `signals`. */
enum shoal_signal_kind {
    SHOAL_SIGNAL_REFUSED,     /* it reset a connection that was just opening */
    SHOAL_SIGNAL_UNANSWERED,  /* a client repeated its SYN */
    SHOAL_SIGNAL_UNREACHABLE, /* an ICMP error came back about a packet to it */
};
struct shoal_signal {
    __u32 server;
    __u32 service;
    __u32 kind; /* enum shoal_signal_kind */
    __u32 zero;
};

/* ---- Which packets belong to a virtual server of several ports ---------------------------------
 * service_ports is an LPM trie over (address, protocol, family, port): disjoint ranges of ports,
 * each split into prefixes. Asked where `services` has no entry. shoald has settled what goes
 * before what: marks, ranges, the data connections of FTP, any port. */
struct shoal_port_key {
    __u32 length; /* bits of what follows that count: 144 + bits of the port */
    __be32 address[4];
    __u8 protocol;
    __u8 family;
    __be16 port;
};
SHOAL_ASSERT(sizeof(struct shoal_port_key) == 24, "no holes in a hash key");

/* ---- Access lists: an LPM trie over (service, client); 1: may open connections, 0: may not ----*/
struct shoal_access_key {
    __u32 length; /* 32 + bits of the address */
    __u32 service;
    __be32 address[4];
};
SHOAL_ASSERT(sizeof(struct shoal_access_key) == 24, "no holes in a hash key");

/* ---- FTP ---------------------------------------------------------------------------------------
 * Live control connections (virtual port 21, NAT) by client and real server, for the data
 * connections that the real server opens from its port 20. */
struct shoal_ftp_key {
    __be32 client_address[4];
    __be32 real_address[4];
};
struct shoal_ftp_control {
    __be32 virtual_address[4];
    __u32 service;
    __u32 server;
    __u32 connections;      /* from SHOAL_FTP_DELETED on: being taken out */
    __u32 client_interface; /* that the client's packets came in by */
};
SHOAL_ASSERT(sizeof(struct shoal_ftp_control) == 32, "no holes");
#define SHOAL_FTP_DELETED 0x80000000U
#define SHOAL_MAX_FTP_CONTROLS 65536

/* ---- Loads --------------------------------------------------------------------------------------
 * server_loads: what a real server has to do. One atomic add changes both counts of `load`, one
 * read sees both; it changes by atomic operations alone. */
#define SHOAL_LOAD_ACTIVE_ONE (1ULL << 32) /* active connections: bits 32-62 */
#define SHOAL_LOAD_INACTIVE_ONE 1ULL       /* inactive ones: bits 0-31 */
#define SHOAL_LOAD_OVERLOADED (1ULL << 63) /* the upper threshold was reached */
#define SHOAL_LOAD_COUNTS (~SHOAL_LOAD_OVERLOADED)

struct shoal_server_load {
    __u64 load;
    /* Of `load`, the connections opened before the service's current load_epoch: least-connection
     * schedulers leave them out. The same layout, without the flag. */
    __u64 baseline;
    /* Place in the list of the pool of an even and of an odd generation, written before that pool
     * is swapped in. Good only where the pool names this server there. */
    __u16 position[2];
    __u32 upper;       /* thresholds of connections; 0: none */
    __u32 lower;       /* 0: three quarters of upper */
    __u32 last_weight; /* the last weight that was not 0, or 0 if there was none (mh) */
};
SHOAL_ASSERT(sizeof(struct shoal_server_load) == 32, "two in a cache line");

/* ---- Pools --------------------------------------------------------------------------------------
 * The real servers of one virtual server in IPVS's list order (newest first) are an inner map of
 * nodes, built aside and swapped in: entry 0 is the header, then come the leaves, the middle nodes,
 * the root, and the nodes of the ring. Member p of the list is slot p % 16 of leaf 1 + p / 16.
 *
 * Each member has a score, the smaller the better; a node above holds the least score of each of
 * its sixteen children. A pool of at most 16 members has depth 1 (its leaf is the root), of at most
 * 256 depth 2 (one middle node, the root), of more depth 3.
 *
 * The packet path keeps the scores right after each change of a load, without a lock: see tree.h.
 */
#define SHOAL_NODE_SLOTS 16
#define SHOAL_SCORE_NONE 0x7fffffffffffffffULL /* weight 0, overloaded, or no member here */
#define SHOAL_NO_SERVER 0xffffffffU
#define SHOAL_RING_NODE_SLOTS 128
#define SHOAL_RING_EMPTY 0xffff
#define SHOAL_HASH_RING_SIZE 256 /* of dh and sh */
#define SHOAL_MH_DEFAULT_SIZE 4093

struct shoal_pool_header {
    __u32 count;
    __u32 generation; /* raised by one at each swap */
    __u32 scheduler;  /* stands here, so that it changes together with list, tree and ring */
    __u32 flags;      /* SHOAL_SERVICE_HASH_PORT, SHOAL_SERVICE_HASH_FALLBACK */
    __u32 max_weight; /* 0 if there is no member */
    __u32 weight_gcd; /* of weights above 0; 1 if there is none */
    __u32 leaves;     /* at least 1 */
    __u32 middles;    /* 0 where the only leaf is the root */
    __u32 root;       /* index of the top node */
    __u32 depth;      /* 1 to 3 */
    __u32 ring_size;  /* slots; of dh, sh and mh their own, of others that of stateless service */
    __u32 first_ring_node;
};

struct shoal_pool_node {
    union {
        struct shoal_pool_header header;
        struct {
            __u64 score[SHOAL_NODE_SLOTS];
            __u32 weight[SHOAL_NODE_SLOTS]; /* of leaves, as `server` */
            __u32 server[SHOAL_NODE_SLOTS];
            __u32 version; /* raised after each change of a score */
        };
        __u16 ring[SHOAL_RING_NODE_SLOTS]; /* places in the list */
    };
} SHOAL_CACHE_LINE;
SHOAL_ASSERT(sizeof(struct shoal_pool_node) == 320, "five cache lines");

/* The most nodes a pool has: header, tree, and the longest ring of mh. */
#define SHOAL_MH_MAX_SIZE 131071
#define SHOAL_MAX_NODES (1 + 256 + 16 + 1 + SHOAL_MH_MAX_SIZE / SHOAL_RING_NODE_SLOTS + 1)

/* ---- Stateless service --------------------------------------------------------------------------
 * What a full table still does, see stateless.h. nat_origins tells which virtual server's answer a
 * real server's packet is that belongs to no connection: it has the real servers behind network
 * address translation whose address, port and protocol belong to one virtual server alone, and this
 * one has a single port and a single address. */
struct shoal_origin_key {
    __be32 address[4];
    __be16 port;
    __u8 protocol;
    __u8 family;
};
SHOAL_ASSERT(sizeof(struct shoal_origin_key) == 20, "no holes in a hash key");

struct shoal_origin {
    __u32 service;
    __u32 server;
};

/* stateless_times: jiffies (64 bits) when each virtual server last served a packet without a record
 * and one more entry for the last one of all that needs answers to be translated; 0: never. */
#define SHOAL_STATELESS_NAT SHOAL_USUAL_SERVICES
/* The entry of a virtual server: those that are more than usual stand behind that one. */
SHOAL_INLINE __u32 shoal_stateless_entry(__u32 service) {
    return service < SHOAL_STATELESS_NAT ? service : service + 1;
}
#define SHOAL_STATELESS_SECONDS 900 /* remembered; as long as an idle TCP connection lasts */

/* ---- Locality -----------------------------------------------------------------------------------
 * lblc and lblcr: which real servers serve an address, an LRU hash. */
struct shoal_locality_key {
    __u32 service;
    __be32 address[4];
};
SHOAL_ASSERT(sizeof(struct shoal_locality_key) == 20, "no holes in a hash key");

struct shoal_local_server {
    __u32 server : 17; /* index into server_table */
    __u32 use : 15;    /* the low bits of shoal_server_detail.use when it was chosen */
};
SHOAL_ASSERT(sizeof(struct shoal_local_server) == 4, "one word");
SHOAL_ASSERT(SHOAL_MAX_SERVERS <= 1 << 17, "an index fits");
#define SHOAL_LOCAL_USE_MASK 0x7fff

struct shoal_locality {
    __u32 busy; /* 1: a CPU changes the rest */
    __u32 count;
    __u64 used;                                              /* jiffies */
    __u64 modified;                                          /* jiffies */
    struct shoal_local_server server[SHOAL_MAX_LINEAR_POOL]; /* the newest last */
};

/* scheduler_state: per service the cursor of rr and wrr as one word, changed by compare-and-swap.
 */
union shoal_cursor {
    struct {
        __u32 last;           /* the server last chosen, plus one; 0: the list's head */
        __u16 current_weight; /* wrr's cw; 0: the top one */
        __u16 zero;
    };
    __u64 word;
};
SHOAL_ASSERT(sizeof(union shoal_cursor) == 8, "one word");

/* ---- Devices ------------------------------------------------------------------------------------
 * The hooked ones, as XDP must know them: at index % SHOAL_MAX_DEVICES. */
struct shoal_device {
    __u32 interface; /* the index, 0: none */
    __u32 mtu;       /* of the packets that it takes from XDP; 0: it takes none */
    __u8 mac[6];     /* frames to others are not ours */
    __u16 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_device) == 16, "four in a cache line");

/* ---- Statistics (per CPU) --------------------------------------------------------------------*/
struct shoal_counters {
    __u64 connections;
    __u64 packets_in;
    __u64 packets_out;
    __u64 bytes_in; /* of the IP packet, as IPVS counts */
    __u64 bytes_out;
    __u64 reserved[3];
} SHOAL_CACHE_LINE;

/* ---- Fragments ----------------------------------------------------------------------------------
 * fragments: by datagram, an LRU hash: a copy of the connection that its first fragment belonged to
 * and that the later ones follow; of protocol 0 where the first one was left to the kernel. */
struct shoal_fragment_key {
    __be32 source[4];
    __be32 destination[4];
    __u32 identification; /* as loaded by the CPU */
    __u8 protocol;
    __u8 family; /* 4 or 6 */
    __u16 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_fragment_key) == 40, "no holes in a hash key");

/* Of IPv6: in fragments6, under keys of protocol 0, with address_cell 0. */
struct shoal_fragment {
    struct shoal_connection connection;
    struct shoal_addresses addresses;
};
#define SHOAL_MAX_FRAGMENTS 16384

/* ---- Settings --------------------------------------------------------------------------------*/
struct shoal_settings {
    __u64 hash_key[2]; /* SipHash-1-3, random, made once with the table */
    /* While this moment (CLOCK_MONOTONIC, ns) has not come, packets are traced; 0: off. In the line
     * that every packet reads. */
    __u64 trace_until;
    __u32 abi_version;
    __u32 cells;   /* power of two; cell 0 is never used */
    __u32 buckets; /* power of two, cells / 4: two slots a cell */
    __u32 hz;
    /* Raised by shoald when routes or neighbours change. The epoch that connections compare is
     * (route_generation + jiffies / (30 * hz)) & 0xffff: where shoald is dead, a client's next hop
     * is still looked up again every 30 s. */
    __u32 route_generation;
    __u32 timeout[SHOAL_STATES]; /* jiffies, by enum shoal_state */
    __u32 fragment_holder;       /* interface that early fragments wait behind; 0: none */
    __u32 secure_tcp;            /* 1: TCP states as under IPVS's secure_tcp */
    /* 1: another table takes over, whose programs stand behind these at tc: known connections are
     * served as ever, new ones are left to them, but for those that a template here asks for. */
    __u32 draining;
    __u32 common_version; /* SHOAL_COMMON_VERSION */
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

/* ---- Tracing -----------------------------------------------------------------------------------
 * `shoal trace`: the verdicts of single packets, through a ring buffer. IPv4 addresses lie in the
 * first four bytes. */
struct shoal_trace_tuple {
    __be32 source[4];
    __be32 destination[4];
    __be16 source_port; /* 0 where there is none */
    __be16 destination_port;
    __u8 family; /* 4 or 6; 0: no IP packet, the rest is 0 */
    __u8 protocol;
    __u8 tcp_flags;
    __u8 zero;
};
SHOAL_ASSERT(sizeof(struct shoal_trace_tuple) == 40, "no holes");

/* A packet is shown where all of it holds. */
struct shoal_trace_filter {
    __u64 verdicts;   /* bit n: verdict n */
    __be32 client[4]; /* one end of the packet */
    __be32 client_mask[4];
    __be32 virtual_address[4];
    __be32 real_address[4];
    __be16 virtual_port; /* 0: any */
    __be16 real_port;    /* 0: any */
    __u8 protocol;       /* 0: any */
    __u8 with_virtual;   /* 0: virtual_address is any */
    __u8 with_real;
    __u8 family; /* 4 or 6, of the packet; 0: any */
};
SHOAL_ASSERT(sizeof(struct shoal_trace_filter) == 80, "no holes");

#define SHOAL_NOBODY 0xffffffffU

/* Of each CPU. */
#define SHOAL_TRACE_PACKETS_PER_S 10000ULL
#define SHOAL_TRACE_BURST 1000ULL

struct shoal_trace_owner {
    __u32 service; /* index, or SHOAL_NOBODY */
    __u32 server;  /* index, or SHOAL_NOBODY */
};

struct shoal_trace_state { /* per CPU */
    struct shoal_trace_tuple arrived;
    struct shoal_trace_owner owner; /* where the packet itself does not tell */
    __u32 interface;
    __u32 bytes;
    __u32 pending;  /* 1: the fields above are of the packet under way */
    __u32 tokens;   /* packets that may be shown now */
    __u64 refilled; /* jiffies */
    __u64 left_out; /* packets that there was no token or no room for, ever */
};

struct shoal_trace_event {
    __u64 time_ns; /* CLOCK_MONOTONIC */
    __u32 interface;
    __u32 bytes;   /* of the IP packet */
    __u32 service; /* index, or SHOAL_NOBODY */
    __u32 server;  /* index, or SHOAL_NOBODY */
    __u16 verdict;
    __u8 xdp; /* 1: at XDP, 0: at tc */
    __u8 zero[5];
    struct shoal_trace_tuple arrived;
    struct shoal_trace_tuple left; /* family 0: it went nowhere from here */
};
SHOAL_ASSERT(sizeof(struct shoal_trace_event) == 112, "no holes");

/* ---- Explaining --------------------------------------------------------------------------------
 * `shoal explain`: the program `explain` answers one question at a time. */
struct shoal_explanation {
    /* The question. */
    __be32 client_address[4];
    __be32 virtual_address[4];
    __be16 client_port;
    __be16 virtual_port;
    __u8 protocol;
    __u8 with_client_port; /* 0: connections are not looked for */
    __u8 opens;            /* 1: TCP with SYN also where there is a connection */
    __u8 zero;
    /* The answer; zero before. */
    __u32 verdict;
    __u32 service;       /* index, or SHOAL_NOBODY */
    __u32 server;        /* index, or SHOAL_NOBODY */
    __u32 cell;          /* of the connection that the packet is of; 0: none */
    __u32 template_cell; /* of the persistence template that decides; 0: none */
    __u32 scheduler;     /* enum shoal_scheduler, where `scheduled` */
    __be16 real_port;
    __u8 method;               /* enum shoal_method */
    __u8 scheduled;            /* a scheduler was asked */
    __u8 by_chance;            /* `server` is one of those that may be drawn */
    __u8 remembered;           /* lblc and lblcr: it serves the virtual address already */
    __u8 gone;                 /* the connection's real server was removed */
    __u8 reopens;              /* a SYN on the connection would begin a new one */
    union shoal_cursor cursor; /* where rr and wrr would stand then */
    __u8 full;                 /* no cell is free for a new connection */
    __u8 by_ring;              /* `server` follows from the client alone, see stateless.h */
    __u8 one_packet;           /* there will be no connection: one-packet scheduling */
    __u8 zero2[5];
};
SHOAL_ASSERT(sizeof(struct shoal_explanation) == 88, "no holes");

/* ---- Verdicts --------------------------------------------------------------------------------
 * SHOAL_VERDICT(name, "meaning"): every exit of the packet path. New ones come last: counts outlive
 * an upgrade. */
#define SHOAL_VERDICTS(V)                                                                     \
    V(foreign, "passed: not to a virtual server and not from a real server")                  \
    V(forwarded, "sent to a real server")                                                     \
    V(replied, "a real server's answer sent to the client")                                   \
    V(new_connection, "first packet of a new connection, sent to a real server")              \
    V(passed_up, "left by XDP to the complete program at tc")                                 \
    V(not_balanced, "passed: ICMP, another protocol, or a fragment of what was passed")       \
    V(no_service, "passed: a virtual address, but no virtual server on this port")            \
    V(no_connection, "passed: neither a known connection nor the start of one")               \
    V(not_ours, "passed: from a real server, but of no balanced connection")                  \
    V(server_gone, "connection of a removed real server ended; TCP is answered with a reset") \
    V(denied, "dropped: the virtual server's access lists keep the client out")               \
    V(no_server, "dropped: no real server is usable")                                         \
    V(no_route, "dropped: no route to the real server or client")                             \
    V(table_full, "dropped: new connection, but the table is full")                           \
    V(early_fragment, "dropped: a fragment ahead of the first one of its datagram")           \
    V(truncated, "dropped: headers cut short or inconsistent")                                \
    V(ttl_expired, "dropped: time to live used up, and the sender not told")                  \
    V(martian, "dropped: a source address that no client has")                                \
    V(icmp_to_server, "an ICMP error about a connection, sent to its real server")            \
    V(icmp_to_client, "an ICMP error about a connection, sent to its client")                 \
    V(icmp_malformed, "passed: an ICMP error whose quoted packet is cut short")               \
    V(ttl_answered, "time to live used up, and the sender told by ICMP")                      \
    V(stateless, "sent to a real server without a record, the table being full")              \
    V(stateless_reply, "a real server's answer sent to the client, without a record")         \
    V(fragment_held, "held back for the first fragment of its datagram")                      \
    V(too_big, "too large for the way it has to go; the sender is told the MTU by ICMP")      \
    V(local, "left to a service of the director itself, which is the real server")            \
    V(left_to_successor, "left to the table that takes over while the table is resized")      \
    V(internal, "dropped: an impossible state; please report it")
enum shoal_verdict {
#define SHOAL_VERDICT_NAME(name, meaning) SHOAL_VERDICT_##name,
    SHOAL_VERDICTS(SHOAL_VERDICT_NAME)
#undef SHOAL_VERDICT_NAME
        SHOAL_VERDICT_COUNT
};
#define SHOAL_MAX_VERDICTS 256
SHOAL_ASSERT(SHOAL_VERDICT_COUNT <= SHOAL_MAX_VERDICTS, "any version's fit into former_verdicts");

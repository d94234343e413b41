/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Stands in for the kernel where the packet path is compiled for the host: maps are plain memory,
 * helpers are functions. Packets lie in low memory, because the kernel's contexts hold their
 * addresses in 32 bits; every byte around a packet is poisoned for AddressSanitizer, and a helper
 * that may move the packet does move it. One CPU. */

#include <errno.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi.h"

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))
/* libc has functions of the same names. */
#define __weak static __attribute__((unused))
#define SEC(name)
#define __uint(name, number) int(*name)[number]
#define __type(name, what) __typeof__(what)* name
#define __array(name, what) __typeof__(what)* name[]

/* ---- Maps: made when first used ---------------------------------------------------------------*/

#define HOST_MAPS 64
/* Hash maps are lists here; the bound keeps them short. */
#define HOST_HASH_ENTRIES 64

struct host_map {
    const void* definition;
    __u32 type;
    __u32 key_size;
    __u32 value_size;
    __u32 entries;
    unsigned char* values;
    unsigned char* keys; /* of hash maps and tries */
    bool* used;
};
static struct host_map host_maps[HOST_MAPS];

static inline bool host_is_array(const struct host_map* map) {
    return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY ||
           map->type == BPF_MAP_TYPE_ARRAY_OF_MAPS;
}

static struct host_map* host_map(const void* definition, __u32 type, __u32 key_size,
                                 __u32 value_size, __u32 entries) {
    for (struct host_map* map = host_maps; map < host_maps + HOST_MAPS; ++map) {
        if (map->definition == definition) return map;
        if (map->definition) continue;
        *map = (struct host_map){definition, type, key_size, value_size, entries, NULL, NULL, NULL};
        if (!host_is_array(map)) map->entries = HOST_HASH_ENTRIES;
        map->values = calloc(map->entries, value_size);
        map->keys = calloc(map->entries, key_size);
        map->used = calloc(map->entries, sizeof(bool));
        return map;
    }
    abort();
}

/* What a map's definition says of it; pools and the inner maps in it define their values otherwise.
 */
struct host_outer {
    int (*type)[BPF_MAP_TYPE_ARRAY_OF_MAPS];
    __u32* key;
    void** value;
    int (*max_entries)[SHOAL_USUAL_SERVICES];
};
struct host_inner {
    int (*type)[BPF_MAP_TYPE_ARRAY];
    __u32* key;
    struct shoal_pool_node* value;
    int (*max_entries)[4];
};
#define HOST_DEFINITION(map)                          \
    _Generic((map),                                   \
        void*: (struct host_inner*)NULL,              \
        __typeof__(&pools): (struct host_outer*)NULL, \
        default: (map))
#define HOST_MAP(map)                                                                  \
    host_map((map), sizeof(*HOST_DEFINITION(map)->type) / sizeof(int),                 \
             sizeof(*HOST_DEFINITION(map)->key), sizeof(*HOST_DEFINITION(map)->value), \
             sizeof(*HOST_DEFINITION(map)->max_entries) / sizeof(int))

static __u32 host_prefix(const void* key) {
    __u32 bits;
    memcpy(&bits, key, sizeof(bits));
    return bits;
}

/* Whether the entry's first bits are the key's. */
static bool host_covers(const unsigned char* entry, const unsigned char* key) {
    const __u32 bits = host_prefix(entry);
    if (bits > host_prefix(key)) return false;
    if (memcmp(entry + 4, key + 4, bits / 8) != 0) return false;
    return bits % 8 == 0 || !((entry[4 + bits / 8] ^ key[4 + bits / 8]) >> (8 - bits % 8));
}

/* The entry's number, or that of the last one. */
static __u32 host_find(const struct host_map* map, const void* key) {
    __u32 best = map->entries;
    for (__u32 i = 0; i < map->entries; ++i) {
        if (!map->used[i]) continue;
        const unsigned char* entry = map->keys + (size_t)i * map->key_size;
        if (map->type != BPF_MAP_TYPE_LPM_TRIE) {
            if (memcmp(entry, key, map->key_size) == 0) return i;
        } else if (host_covers(entry, key)) {
            const bool longer =
                best == map->entries ||
                host_prefix(entry) > host_prefix(map->keys + (size_t)best * map->key_size);
            if (longer) best = i;
        }
    }
    return best;
}

static void* host_lookup(struct host_map* map, const void* key) {
    __u32 index;
    if (host_is_array(map))
        memcpy(&index, key, sizeof(index));
    else
        index = host_find(map, key);
    if (index >= map->entries) return NULL;
    void* value = map->values + (size_t)index * map->value_size;
    return map->type == BPF_MAP_TYPE_ARRAY_OF_MAPS ? *(void**)value : value;
}

static long host_update(struct host_map* map, const void* key, const void* value, __u64 flags) {
    __u32 index;
    if (host_is_array(map)) {
        memcpy(&index, key, sizeof(index));
        if (index >= map->entries) return -E2BIG;
    } else {
        index = host_find(map, key);
        if (index < map->entries && flags == BPF_NOEXIST) return -EEXIST;
        if (index >= map->entries)
            for (index = 0; index < map->entries && map->used[index]; ++index) {
            }
        if (index >= map->entries) return -E2BIG;
        memcpy(map->keys + (size_t)index * map->key_size, key, map->key_size);
        map->used[index] = true;
    }
    memcpy(map->values + (size_t)index * map->value_size, value, map->value_size);
    return 0;
}

static long host_delete(struct host_map* map, const void* key) {
    const __u32 index = host_find(map, key);
    if (index >= map->entries) return -ENOENT;
    map->used[index] = false;
    return 0;
}

static void host_clear_maps(void) {
    for (struct host_map* map = host_maps; map->definition; ++map) {
        memset(map->values, 0, (size_t)map->entries * map->value_size);
        memset(map->used, 0, map->entries * sizeof(bool));
    }
}

#define bpf_map_lookup_elem(map, key) host_lookup(HOST_MAP(map), key)
#define bpf_map_update_elem(map, key, value, flags) host_update(HOST_MAP(map), key, value, flags)
#define bpf_map_delete_elem(map, key) host_delete(HOST_MAP(map), key)

/* ---- The packet -------------------------------------------------------------------------------*/

#define HOST_ROOM 4096
/* As the kernel aligns it: the IP header begins at a word. */
#define HOST_START 258

static struct {
    unsigned char* room[2];
    int current;
    __u32 bytes;
    __u32 linear;
} host_packet;

static unsigned char* host_data(void) {
    return host_packet.room[host_packet.current] + HOST_START;
}

/* The packet's bytes lie in the other room now; only the linear ones may be touched. */
static void host_move(__u32 linear) {
    const unsigned char* old = host_data();
    unsigned char* old_room = host_packet.room[host_packet.current];
    host_packet.current = !host_packet.current;
    unsigned char* room = host_packet.room[host_packet.current];
    __asan_unpoison_memory_region(old_room, HOST_ROOM);
    __asan_unpoison_memory_region(room, HOST_ROOM);
    memcpy(room + HOST_START, old, host_packet.bytes);
    host_packet.linear = linear < host_packet.bytes ? linear : host_packet.bytes;
    __asan_poison_memory_region(old_room, HOST_ROOM);
    __asan_poison_memory_region(room, HOST_START);
    __asan_poison_memory_region(room + HOST_START + host_packet.linear,
                                HOST_ROOM - HOST_START - host_packet.linear);
}

/* Room for so many bytes at `offset`; what stands there is void. */
static inline void host_grow(__u32 offset, __u32 room) {
    const __u32 linear = host_packet.linear;
    host_move(host_packet.bytes);
    unsigned char* begin = host_data() + offset;
    __asan_unpoison_memory_region(host_data() + host_packet.bytes, room);
    memmove(begin + room, begin, host_packet.bytes - offset);
    memset(begin, 0xa5, room);
    host_packet.bytes += room;
    host_move(linear + room);
}

static void host_put_packet(const void* bytes, __u32 length, __u32 linear) {
    for (int i = 0; i < 2; ++i) {
        if (!host_packet.room[i])
            host_packet.room[i] = mmap(NULL, HOST_ROOM, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        if (host_packet.room[i] == MAP_FAILED) abort();
        __asan_unpoison_memory_region(host_packet.room[i], HOST_ROOM);
    }
    memcpy(host_data(), bytes, length);
    host_packet.bytes = length;
    host_move(linear);
}

/* A copy of all of it, also of what is not linear. */
static void host_take_packet(void* bytes) {
    __asan_unpoison_memory_region(host_data(), host_packet.bytes);
    memcpy(bytes, host_data(), host_packet.bytes);
}

/* ---- Helpers ----------------------------------------------------------------------------------*/

static struct {
    __u64 jiffies;
    __u32 random;
    long route_result; /* BPF_FIB_LKUP_RET_* */
    __u32 route_device;
    __u32 sent_to; /* device; 0: nowhere */
} host;

static inline __u64 bpf_jiffies64(void) {
    return host.jiffies;
}
static inline __u64 bpf_ktime_get_ns(void) {
    return host.jiffies * 4000000;
}
static inline __u32 bpf_get_prandom_u32(void) {
    return host.random = host.random * 1664525 + 1013904223;
}

static inline long bpf_loop(__u32 rounds, void* callback, void* context, __u64 flags) {
    (void)flags;
    long (*call)(__u64, void*) = (long (*)(__u64, void*))callback;
    for (__u32 i = 0; i < rounds; ++i)
        if (call(i, context)) return i + 1;
    return rounds;
}

/* Aggregates aside, the kernel refuses what does not fit in the same way. The packet stays where it
 * is. */
static inline long host_load(__u32 offset, void* to, __u32 length) {
    if (offset > host_packet.bytes || length > host_packet.bytes - offset) return -EFAULT;
    const __u32 linear = host_packet.linear;
    __asan_unpoison_memory_region(host_data(), host_packet.bytes);
    memcpy(to, host_data() + offset, length);
    __asan_poison_memory_region(host_data() + linear, host_packet.bytes - linear);
    return 0;
}

/* As where the array is empty. */
#define bpf_tail_call(context, programs, index) ((void)(context), (void)(programs), (void)(index))

static inline long host_send(__u32 device, long action) {
    host.sent_to = device;
    return action;
}

static inline long bpf_fib_lookup(void* context, struct bpf_fib_lookup* route, int size,
                                  __u32 flags) {
    (void)context, (void)flags;
    if (size != sizeof(*route)) return -EINVAL;
    if (host.route_result == BPF_FIB_LKUP_RET_SUCCESS ||
        host.route_result == BPF_FIB_LKUP_RET_NO_NEIGH) {
        route->ifindex = host.route_device;
        memset(route->dmac, 0x30, sizeof(route->dmac));
        memset(route->smac, 0x40, sizeof(route->smac));
    }
    return host.route_result;
}

#if defined(HOOK_XDP)

static inline long bpf_redirect(__u32 device, __u64 flags) {
    (void)flags;
    return host_send(device, XDP_REDIRECT);
}
static inline __u64 bpf_xdp_get_buff_len(struct xdp_md* context) {
    (void)context;
    return host_packet.bytes;
}
/* Room before the packet; what stands there is void. */
static inline long bpf_xdp_adjust_head(struct xdp_md* context, int difference) {
    if (difference >= 0) abort();
    const __u32 room = -difference;
    if (host_packet.bytes + room > HOST_ROOM - HOST_START) return -EINVAL;
    host_grow(0, room);
    context->data = (__u32)(unsigned long)host_data();
    context->data_end = context->data + host_packet.linear;
    return 0;
}

static inline long bpf_xdp_load_bytes(struct xdp_md* context, __u32 offset, void* to,
                                      __u32 length) {
    (void)context;
    return host_load(offset, to, length);
}

#else

static inline void host_set_pointers(struct __sk_buff* context) {
    context->data = (__u32)(unsigned long)host_data();
    context->data_end = context->data + host_packet.linear;
    context->len = host_packet.bytes;
}
static inline long bpf_redirect(__u32 device, __u64 flags) {
    (void)flags;
    return host_send(device, 7 /* TC_ACT_REDIRECT */);
}
static inline long bpf_redirect_neigh(__u32 device, struct bpf_redir_neigh* hop, int size,
                                      __u64 flags) {
    (void)flags;
    if (hop ? size != sizeof(*hop) : size != 0) abort();
    return host_send(device, 7);
}
static inline long bpf_skb_pull_data(struct __sk_buff* context, __u32 length) {
    if (length > host_packet.bytes) return -ENOMEM;
    host_move(length > host_packet.linear ? length : host_packet.linear);
    host_set_pointers(context);
    return 0;
}
/* Of complete checksums; the difference is given, not computed (size 0). */
static inline long bpf_l4_csum_replace(struct __sk_buff* context, __u32 offset, __u64 from,
                                       __u64 to, __u64 flags) {
    if (from || flags & BPF_F_HDR_FIELD_MASK) abort();
    if (offset > 0xffff || offset & 1 || offset + 2 > host_packet.bytes) return -EFAULT;
    host_move(host_packet.linear > offset + 2 ? host_packet.linear : offset + 2);
    host_set_pointers(context);
    __u16 sum;
    memcpy(&sum, host_data() + offset, sizeof(sum));
    const bool may_be_none = flags & BPF_F_MARK_MANGLED_0;
    if (may_be_none && !sum) return 0;
    __u64 total = (__u64)(__u16)~sum + (__u32)to;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    sum = (__u16)~total;
    if (may_be_none && !sum) sum = 0xffff;
    memcpy(host_data() + offset, &sum, sizeof(sum));
    return 0;
}

static inline long bpf_skb_load_bytes(struct __sk_buff* context, __u32 offset, void* to,
                                      __u32 length) {
    (void)context;
    return host_load(offset, to, length);
}
static inline long bpf_skb_store_bytes(struct __sk_buff* context, __u32 offset, const void* from,
                                       __u32 length, __u64 flags) {
    (void)flags;
    if (offset > host_packet.bytes || length > host_packet.bytes - offset) return -EFAULT;
    const __u32 end = offset + length;
    host_move(host_packet.linear > end ? host_packet.linear : end);
    memcpy(host_data() + offset, from, length);
    host_set_pointers(context);
    return 0;
}
/* Makes room behind the Ethernet header. */
static inline long bpf_skb_adjust_room(struct __sk_buff* context, __s32 difference, __u32 mode,
                                       __u64 flags) {
    const __u64 known = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 |
                        BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE |
                        BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
    if (difference <= 0 || mode != BPF_ADJ_ROOM_MAC || flags & ~known) abort();
    if (host_packet.bytes + difference > HOST_ROOM - HOST_START) return -ENOMEM;
    host_grow(14, difference);
    host_set_pointers(context);
    return 0;
}
/* What the device summed does not show here. */
static inline long bpf_csum_update(struct __sk_buff* context, __u32 sum) {
    (void)context, (void)sum;
    return 0;
}
/* No device takes more than 1000 bytes. */
static inline long bpf_check_mtu(struct __sk_buff* context, __u32 device, __u32* mtu,
                                 __s32 difference, __u64 flags) {
    (void)context, (void)device;
    if (*mtu || difference || flags) abort();
    *mtu = 1000;
    return 0;
}
static inline long bpf_skb_change_tail(struct __sk_buff* context, __u32 length, __u64 flags) {
    if (flags || length > host_packet.bytes) abort();
    host_packet.bytes = length;
    host_move(host_packet.linear);
    host_set_pointers(context);
    return 0;
}

#endif

/* Lengths in bytes, multiples of 4; sums of 16-bit words, not complemented. */
static inline __s64 bpf_csum_diff(void* from, __u32 from_length, void* to, __u32 to_length,
                                  __u32 seed) {
    if (from || from_length || to_length % 4) abort();
    __u64 sum = seed;
    for (__u32 i = 0; i < to_length; i += 2) {
        __u16 word;
        memcpy(&word, (const unsigned char*)to + i, sizeof(word));
        sum += word;
    }
    while (sum >> 32)
        sum = (sum & 0xffffffff) + (sum >> 32);
    return (__s64)sum;
}

/* One record at a time, which nobody reads; behind it nothing may be written. */
static inline void* bpf_ringbuf_reserve(void* map, __u64 size, __u64 flags) {
    (void)map, (void)flags;
    void* record = malloc(size);
    if (!record) abort();
    return record;
}
static inline void bpf_ringbuf_submit(void* record, __u64 flags) {
    (void)flags;
    free(record);
}
static inline long bpf_ringbuf_output(void* map, void* data, __u64 size, __u64 flags) {
    void* record = bpf_ringbuf_reserve(map, size, flags);
    memcpy(record, data, size);
    bpf_ringbuf_submit(record, flags);
    return 0;
}
static inline void bpf_ringbuf_discard(void* record, __u64 flags) {
    (void)flags;
    free(record);
}

/* Of the control programs, which see no packets. */
static inline long bpf_timer_init(struct bpf_timer* timer, void* map, __u64 flags) {
    (void)timer, (void)map, (void)flags;
    return 0;
}
static inline long bpf_timer_set_callback(struct bpf_timer* timer, void* callback) {
    (void)timer, (void)callback;
    return 0;
}
static inline long bpf_timer_start(struct bpf_timer* timer, __u64 nanoseconds, __u64 flags) {
    (void)timer, (void)nanoseconds, (void)flags;
    return 0;
}

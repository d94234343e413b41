/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* lblc and lblcr: an address stays with the real server, or the set of real servers, that had it,
 * unless those are overloaded while others idle. Whom nobody serves yet wlc places. */

#include "flow.h"
#include "tree.h"

#define LOCALITY_EXPIRATION_S 86400ULL /* IPVS's lblc_expiration and lblcr_expiration */

/* ---- Overloaded, in the sense of lblc -----------------------------------------------------------
 */

struct idle_search {
    void* pool;
    bool found;
};

static __noinline long is_idle(__u32 position, struct idle_search* search) {
    const struct shoal_pool_node* leaf = get_leaf(search->pool, position);
    if (!leaf) return 1;
    __u32 slot = slot_of(position);
    const struct shoal_server_load* load = get_load(leaf->server[slot]);
    if (!load) return 0;
    search->found = shoal_active(READ_ONCE(load->load)) * 2 < leaf->weight[slot];
    return search->found;
}

/* More active connections than weight, while some other member has fewer than half of its. */
static __noinline int is_crowded(void* pool, __u32 count, __u64 load, __u32 weight) {
    if (shoal_active(load) <= weight) return 0;
    struct idle_search search = {.pool = pool};
    bpf_loop(count, is_idle, &search, 0);
    return search.found;
}

/* ---- The set of an address ----------------------------------------------------------------------
 */

/* A member of a set, as the pool has it now; weight 0: not to be used. */
struct local {
    __u32 server;
    __u32 weight;
    __u64 load;
};

struct set_search {
    void* pool;
    const struct shoal_locality* set;
    __u32 generation;
    __u32 count; /* of the pool */
    __u32 place; /* of the most loaded, in the set */
    bool refuses_overloaded;
    struct local least;
    struct local most;
};

static __always_inline struct local local_of(const struct set_search* search,
                                             struct shoal_local_server entry) {
    struct local local = {.server = entry.server};
    const struct shoal_server_detail* server = get_server_detail(local.server);
    const struct shoal_server_load* load = get_load(local.server);
    if (!server || !load || (server->use & SHOAL_LOCAL_USE_MASK) != entry.use) return local;
    __u32 position = READ_ONCE(load->position[search->generation & 1]);
    const struct shoal_pool_node* leaf = get_leaf(search->pool, position);
    if (!leaf || position >= search->count || leaf->server[slot_of(position)] != local.server)
        return local;
    local.load = READ_ONCE(load->load);
    local.weight = leaf->weight[slot_of(position)];
    return local;
}

/* From the newest to the oldest; the first of equals is the least, and the most. */
static __noinline long compare_local(__u32 step, struct set_search* search) {
    const struct shoal_locality* set = search->set;
    __u32 count = READ_ONCE(set->count);
    if (step >= count || count > SHOAL_MAX_LINEAR_POOL) return 1;
    __u32 place = (count - 1 - step) & (SHOAL_MAX_LINEAR_POOL - 1);
    asm volatile("" : "+r"(place));
    place &= SHOAL_MAX_LINEAR_POOL - 1;
    struct local local = local_of(search, set->server[place]);
    if (!local.weight) return 0;
    __u64 overhead = shoal_overhead(local.load);
    if (!search->most.weight ||
        shoal_overhead(search->most.load) * local.weight < overhead * search->most.weight) {
        search->most = local;
        search->place = place;
    }
    if (search->refuses_overloaded && local.load & SHOAL_LOAD_OVERLOADED) return 0;
    if (!search->least.weight ||
        shoal_overhead(search->least.load) * local.weight > overhead * search->least.weight)
        search->least = local;
    return 0;
}

static __always_inline bool begin_change(struct shoal_locality* set) {
    return !__sync_val_compare_and_swap(&set->busy, 0, 1);
}

static __always_inline void end_change(struct shoal_locality* set) {
    __sync_lock_test_and_set(&set->busy, 0);
}

struct removal {
    struct shoal_locality* set;
    __u32 place;
};

static __noinline long move_down(__u32 step, struct removal* removal) {
    __u32 to = removal->place + step;
    if (to >= SHOAL_MAX_LINEAR_POOL - 1) return 1;
    removal->set->server[to] = removal->set->server[to + 1];
    return to + 1 >= removal->set->count;
}

static __noinline int forget_most(struct shoal_locality* set, __u32 place, __u64 now) {
    struct removal removal = {.set = set, .place = place};
    if (!begin_change(set)) return 0;
    bpf_loop(SHOAL_MAX_LINEAR_POOL, move_down, &removal, 0);
    --set->count;
    set->modified = now;
    end_change(set);
    return 0;
}

struct membership {
    const struct shoal_locality* set;
    struct shoal_local_server entry;
    bool found;
};

static __noinline long is_member(__u32 place, struct membership* membership) {
    if (place >= SHOAL_MAX_LINEAR_POOL) return 1;
    struct shoal_local_server entry = membership->set->server[place];
    membership->found =
        entry.server == membership->entry.server && entry.use == membership->entry.use;
    return membership->found;
}

/* lblc: the only server of the address from now on. lblcr: one more of the set. */
static __noinline int remember(struct shoal_locality* set, __u32 server, bool alone, __u64 now) {
    const struct shoal_server_detail* record = get_server_detail(server);
    if (!record || !begin_change(set)) return 0;
    struct shoal_local_server entry = {.server = server, .use = record->use & SHOAL_LOCAL_USE_MASK};
    struct membership membership = {.set = set, .entry = entry};
    __u32 count = alone ? 0 : set->count;
    if (count) bpf_loop(count, is_member, &membership, 0);
    if (!membership.found && count < SHOAL_MAX_LINEAR_POOL) {
        set->server[count] = entry;
        set->count = count + 1;
        set->modified = now;
    }
    end_change(set);
    return 0;
}

/* ---- Picking ------------------------------------------------------------------------------------
 */

static __always_inline struct shoal_locality* find_set(const struct shoal_locality_key* key,
                                                       __u64 now, __u64 expiration) {
    struct shoal_locality* set = bpf_map_lookup_elem(&locality, key);
    if (!set) return NULL;
    __u64 idle = now - READ_ONCE(set->used);
    WRITE_ONCE(set->used, now);
    if (idle > expiration && begin_change(set)) {
        set->count = 0;
        end_change(set);
    }
    return set;
}

/* The set of the address, made empty where there is none. */
static __noinline struct shoal_locality* get_set(const struct flow* flow, __u32 service, __u64 now,
                                                 __u64 expiration) {
    struct shoal_locality_key key = {.service = service};
    widen(key.address, flow->other_address);
    struct shoal_locality* set = find_set(&key, now, expiration);
    if (set) return set;
    __u32 zero = 0;
    const struct shoal_locality* none = bpf_map_lookup_elem(&no_locality, &zero);
    if (none) bpf_map_update_elem(&locality, &key, none, BPF_NOEXIST);
    set = bpf_map_lookup_elem(&locality, &key);
    if (set) WRITE_ONCE(set->used, now);
    return set;
}

/* The server of the set that is to be used; NO_SERVER: place the address anew. */
static __noinline int pick_of_set(void* pool, const struct shoal_pool_header* header,
                                  struct shoal_locality* set, __u64 now, __u64 expiration) {
    bool replicates = header->scheduler == SHOAL_SCHEDULER_LBLCR;
    struct set_search search = {.pool = pool,
                                .set = set,
                                .generation = header->generation,
                                .count = header->count,
                                .refuses_overloaded = replicates};
    /* Nobody yet: weight 0, but see unknown_zero. */
    search.least.weight = search.most.weight = unknown_zero(now);
    search.least.load = search.most.load = now;
    bpf_loop(SHOAL_MAX_LINEAR_POOL, compare_local, &search, 0);
    if (replicates && set->count > 1 && search.most.weight && now - set->modified > expiration)
        forget_most(set, search.place, now);
    if (!search.least.weight ||
        is_crowded(pool, header->count, search.least.load, search.least.weight))
        return NO_SERVER;
    return search.least.server;
}

/* The server of least score, as from descend. */
static __noinline int least_loaded(void* pool, const struct shoal_pool_header* header) {
    return descend(pool, header);
}

/* Index into server_table. */
SLOW_PATH int pick_by_locality(const struct flow* flow, __u32 service) {
    void* pool = get_pool(service);
    const struct shoal_pool_header* header = pool ? get_header(pool) : NULL;
    const struct shoal_settings* settings = get_settings();
    if (!flow || !header || !settings) return NO_SERVER;
    __u64 now = bpf_jiffies64(), expiration = LOCALITY_EXPIRATION_S * settings->hz;
    struct shoal_locality* set = get_set(flow, service, now, expiration);
    if (!set) return NO_SERVER;
    int server = pick_of_set(pool, header, set, now, expiration);
    if (server >= 0) return server;
    server = least_loaded(pool, header);
    if (server >= 0) remember(set, server, header->scheduler == SHOAL_SCHEDULER_LBLC, now);
    return server;
}

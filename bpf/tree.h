/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* The tree of least scores, kept right without a lock by whoever changes a load.
 *
 * Each step copies: the load of a server to its score, and the least score of a node to its entry
 * in the node above. Many CPUs may do the same copy at once, and the last one to write must not
 * write what it read before another one's change. So, after it wrote, each looks whether its source
 * changed since it read it, and if so copies again. Whoever changed the source does that before it
 * copies itself; hence the last writer either read the last change or repeats. For a score the
 * source is one word and shows its changes itself (the same value again is as good as no change);
 * for a node the version shows them, raised after each change of one of its scores. Between the
 * write and the second look there must be a full barrier: all writes are atomic exchanges.
 *
 * An entry that is right already is not written and nothing above it is looked at: whoever wrote it
 * goes on upwards.
 *
 * A lock would have to be held over helper calls and loops, which Linux 6.1 does not take. */

#include "pool.h"

/* Copies repeated because another CPU was faster; each means that it got ahead meanwhile. */
#define COPY_ATTEMPTS 1024

struct candidate {
    __u64 score;
    __u64 slot;
};

/* The better of two, the first of equals; scores are below 2^63. Without branches: which one it is
 * nobody can predict, and the verifier would follow both ways. That is also why the slot is chosen
 * by a multiplication: newer verifiers follow both values of a mask where it meets a constant. */
static __always_inline struct candidate better(struct candidate a, struct candidate b) {
    __u64 second = (b.score - a.score) >> 63;
    asm volatile("" : "+r"(second));
    struct candidate result = {a.score ^ ((a.score ^ b.score) & -second),
                               a.slot + (b.slot - a.slot) * second};
    return result;
}

static __always_inline struct candidate at_slot(const struct shoal_pool_node* node, __u32 slot) {
    struct candidate candidate = {READ_ONCE(node->score[slot]), slot};
    return candidate;
}

/* In pairs, as the processor does several comparisons at once; in fours, as many as the registers
 * hold. */
static __always_inline struct candidate best_of_4(const struct shoal_pool_node* node, __u32 first) {
    return better(better(at_slot(node, first), at_slot(node, first + 1)),
                  better(at_slot(node, first + 2), at_slot(node, first + 3)));
}

static __always_inline struct candidate best_of(const struct shoal_pool_node* node) {
    struct candidate best = best_of_4(node, 0);
    best = better(best, best_of_4(node, 4));
    best = better(best, best_of_4(node, 8));
    return better(best, best_of_4(node, 12));
}

static __always_inline __u64 lesser(__u64 a, __u64 b) {
    __s64 less = b - a;
    less &= less >> 63;
    asm volatile("" : "+r"(less));
    return a + less;
}

static __always_inline __u64 least_of_4(const struct shoal_pool_node* node, __u32 first) {
    return lesser(lesser(READ_ONCE(node->score[first]), READ_ONCE(node->score[first + 1])),
                  lesser(READ_ONCE(node->score[first + 2]), READ_ONCE(node->score[first + 3])));
}

static __always_inline __u64 least_of(const struct shoal_pool_node* node) {
    __u64 least = least_of_4(node, 0);
    least = lesser(least, least_of_4(node, 4));
    least = lesser(least, least_of_4(node, 8));
    return lesser(least, least_of_4(node, 12));
}

static __always_inline __u64 exchange(__u64* word, __u64 value) {
    return __sync_lock_test_and_set(word, value);
}

/* ---- Picking ------------------------------------------------------------------------------------
 */

/* The child with the least score, as a number of the level below; -1: none is usable. */
static __noinline int best_child(void* pool, __u32 index, __u32 number) {
    const struct shoal_pool_node* node = get_node(pool, index);
    if (!node) return NO_SERVER;
    struct candidate best = best_of(node);
    if (best.score == SHOAL_SCORE_NONE) return NO_SERVER;
    return number * SHOAL_NODE_SLOTS + best.slot;
}

/* The server with the least score in a leaf, of which the first `members` slots are in use. */
static __always_inline int best_member(void* pool, __u32 number, __u32 members) {
    const struct shoal_pool_node* leaf = get_node(pool, 1 + number);
    if (!leaf) return NO_SERVER;
    struct candidate best = members <= 4 ? best_of_4(leaf, 0) : best_of(leaf);
    return best.score == SHOAL_SCORE_NONE ? NO_SERVER : (int)leaf->server[slot_of(best.slot)];
}

/* The server with the least score, the first of equals in the list; -1: none is usable. */
static __always_inline int descend(void* pool, const struct shoal_pool_header* header) {
    int number = 0;
    if (header->depth > 2) number = best_child(pool, header->root, 0);
    if (number < 0) return NO_SERVER;
    if (header->depth > 1) number = best_child(pool, 1 + header->leaves + number, number);
    if (number < 0) return NO_SERVER;
    return best_member(pool, number, header->count);
}

/* ---- Keeping it right ---------------------------------------------------------------------------
 */

/* Of the changes of a node's scores, the number above which the entry in the node above must be to
 * be touched by them: the least of the values that were replaced, and of those written plus one. An
 * entry below stays the least score whatever became of the others. */
#define UNCHANGED (~0ULL)

static __always_inline __u64 with_change(__u64 reach, __u64 before, __u64 after) {
    if (before < reach) reach = before;
    return after + 1 < reach ? after + 1 : reach;
}

struct scoring {
    const struct shoal_server_load* load;
    struct shoal_pool_node* leaf;
    __u32 slot;
    __u32 scheduler;
    __u64 reach; /* of the changes, or UNCHANGED */
};

/* Copies a load to its score; 1 once that is right. */
static __always_inline long copy_score_once(struct scoring* scoring) {
    const struct shoal_server_load* load = scoring->load;
    struct shoal_pool_node* leaf = scoring->leaf;
    __u32 slot = slot_of(scoring->slot);
    __u64 now = READ_ONCE(load->load), baseline = READ_ONCE(load->baseline);
    __u64 score = shoal_score(scoring->scheduler, now, baseline, leaf->weight[slot]);
    if (READ_ONCE(leaf->score[slot]) == score) return 1;
    __u64 before = exchange(&leaf->score[slot], score);
    scoring->reach = with_change(scoring->reach, before, score);
    return READ_ONCE(load->load) == now && READ_ONCE(load->baseline) == baseline;
}

static __noinline long copy_score(__u32 attempt, struct scoring* scoring) {
    (void)attempt;
    return copy_score_once(scoring);
}

struct climb {
    struct shoal_pool_node* node;
    struct shoal_pool_node* above;
    __u32 slot; /* in the node above */
    __u32 version;
    __u64 reach; /* of the changes, or UNCHANGED */
};

/* Copies a node's least score to its entry above; 1 once that is right. */
static __always_inline long copy_least_once(struct climb* climb) {
    struct shoal_pool_node* node = climb->node;
    __u64* entry = &climb->above->score[slot_of(climb->slot)];
    __u32 version = climb->version;
    __u64 least = least_of(node);
    if (READ_ONCE(*entry) != least) {
        __u64 before = exchange(entry, least);
        climb->reach = with_change(climb->reach, before, least);
    }
    climb->version = READ_ONCE(node->version);
    return climb->version == version;
}

static __noinline long copy_least(__u32 attempt, struct climb* climb) {
    (void)attempt;
    return copy_least_once(climb);
}

/* To run after changes in `node`. Returns the reach of those in the node above. If they do not
 * reach the entry nothing is to be done: whoever writes it after we read it sees our version. */
static __noinline __u64 climb_from(struct shoal_pool_node* node, struct shoal_pool_node* above,
                                   __u32 slot, __u64 reach) {
    struct climb climb = {.node = node, .above = above, .slot = slot, .reach = UNCHANGED};
    climb.version = __sync_fetch_and_add(&node->version, 1) + 1;
    if (READ_ONCE(above->score[slot_of(slot)]) < reach) return UNCHANGED;
    if (!copy_least_once(&climb)) bpf_loop(COPY_ATTEMPTS, copy_least, &climb, 0);
    return climb.reach;
}

/* `reach` is that of the changes in the leaf. */
static __always_inline void climb(void* pool, const struct shoal_pool_header* header,
                                  struct shoal_pool_node* leaf, __u32 position, __u64 reach) {
    __u32 number = position / SHOAL_NODE_SLOTS, middle = number / SHOAL_NODE_SLOTS;
    struct shoal_pool_node* above = get_node(pool, 1 + header->leaves + middle);
    if (!above) return;
    reach = climb_from(leaf, above, number, reach);
    if (reach == UNCHANGED || header->depth < 3) return;
    struct shoal_pool_node* root = get_node(pool, header->root);
    if (root) climb_from(above, root, middle, reach);
}

/* Brings a member's score, and what follows from it, up to its load. */
static __always_inline void rescore_member(void* pool, const struct shoal_pool_header* header,
                                           struct shoal_pool_node* leaf,
                                           const struct shoal_server_load* load, __u32 position) {
    struct scoring scoring = {.load = load,
                              .leaf = leaf,
                              .slot = position,
                              .scheduler = header->scheduler,
                              .reach = UNCHANGED};
    if (!copy_score_once(&scoring)) bpf_loop(COPY_ATTEMPTS, copy_score, &scoring, 0);
    if (scoring.reach != UNCHANGED && header->depth > 1)
        climb(pool, header, leaf, position, scoring.reach);
}

/* To run after each change of a server's load. `always`: also where the scheduler asks for its
 * threshold alone. */
static __always_inline void rescore(__u32 service, __u32 server,
                                    const struct shoal_server_load* load, bool always) {
    void* pool = get_pool(service);
    if (!pool) return;
    const struct shoal_pool_header* header = get_header(pool);
    __u32 position;
    if (!header || !(always || shoal_scores_loads(header->scheduler))) return;
    struct shoal_pool_node* leaf = find_leaf(pool, header, load, server, &position);
    if (leaf) rescore_member(pool, header, leaf, load, position);
}

static long refresh_member(__u32 position, void** pool) {
    const struct shoal_pool_header* header = get_header(*pool);
    struct shoal_pool_node* leaf = get_leaf(*pool, position);
    if (!header || !leaf) return 1;
    const struct shoal_server_load* load = get_load(leaf->server[slot_of(position)]);
    if (load) rescore_member(*pool, header, leaf, load, position);
    return 0;
}

/* Every member of a service's pool, for changes that nobody rescored in this pool: those made while
 * it was built, of a weight, a threshold or a baseline. */
static __always_inline void refresh_members(__u32 service) {
    void* pool = get_pool(service);
    if (!pool) return;
    const struct shoal_pool_header* header = get_header(pool);
    if (header) bpf_loop(header->count, refresh_member, &pool, 0);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Moves connections from a former table to the one that takes over. Everything but the table, its
 * index and its free cells is common to both, so the counts of real servers stay as they are: a
 * record is counted before and after, by whichever table has it.
 *
 * The former table's programs stand in front and serve what they find. A copy is linked into the
 * new table as PENDING, which counts nothing and is found by no packet as long as the former record
 * lives. Then the former record is ended by compare-and-swap, and the copy gets the state that was
 * swapped out. All of that is one program run, which no signal interrupts. The program of each
 * address family moves its own records. */

#include "former.h"
#include "free.h"
#include "insert.h"
#include "move_request.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_move);
} move_request SEC(".maps");

/* Not a CPU's own batch: a packet may interrupt this program on its CPU. Empty between runs. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct shoal_free_batch);
} move_batch SEC(".maps");

static __always_inline struct shoal_free_batch* get_move_batch(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&move_batch, &zero);
}

/* 0: the table is full. */
static __always_inline __u32 take_spare_cell(void) {
    struct shoal_free_batch* batch = get_move_batch();
    if (!batch) return 0;
    __u32 count = batch->count;
    if (!count) count = refill(batch);
    __u32 last = count - 1;
    if (last >= SHOAL_FREE_BATCH) return 0;
    batch->count = last;
    return batch->cell[last];
}

static __always_inline struct shoal_free_ring* get_ring(void) {
    __u32 zero = 0;
    return bpf_map_lookup_elem(&free_ring, &zero);
}

static __always_inline void put_spare_cells_back(void) {
    struct shoal_free_batch* batch = get_move_batch();
    struct shoal_free_ring* ring = get_ring();
    if (!batch || !ring) return;
    for (__u32 i = 0; i < SHOAL_FREE_BATCH; ++i) {
        if (i >= batch->count) break;
        put_back(ring, batch->cell[i]);
    }
    batch->count = 0;
}

#if defined(FAMILY_6)

/* As take_addresses(). */
static __always_inline bool take_spare_addresses(struct shoal_connection* copy, __u32 cell) {
    __u32 address_cell = take_spare_cell();
    addresses* of = get_addresses(address_cell);
    if (!address_cell || !of) return false;
    __u32 generation = of->word >> SHOAL_WORD_GENERATION_SHIFT;
    of->owner = cell;
    WRITE_ONCE(of->word, generation << SHOAL_WORD_GENERATION_SHIFT | SHOAL_STATE_ADDRESSES);
    copy->address_cell = address_cell;
    return true;
}

static __always_inline void put_addresses_back(const struct shoal_connection* copy,
                                               struct shoal_free_ring* ring) {
    addresses* of = get_addresses(copy->address_cell);
    if (!of) return;
    WRITE_ONCE(of->word, (of->word & (~0U << SHOAL_WORD_GENERATION_SHIFT)) | SHOAL_STATE_FREE);
    put_back(ring, copy->address_cell);
}

#else

static __always_inline bool take_spare_addresses(struct shoal_connection* copy, __u32 cell) {
    (void)copy, (void)cell;
    return true;
}

static __always_inline void put_addresses_back(const struct shoal_connection* copy,
                                               struct shoal_free_ring* ring) {
    (void)copy, (void)ring;
}

#endif

/* As of packets; a template's hash is another one. */
static __always_inline bool set_hash(struct flow* flow) {
    const struct shoal_settings* settings = get_settings();
    if (!settings) return false;
    flow->hash =
        flow->protocol == SHOAL_PROTOCOL_TEMPLATE
            ? template_hash(settings, flow->client_address, address_number(flow->other_address))
            : flow_hash(settings, flow->client_address, flow->client_port, flow->protocol);
    return true;
}

/* The new table's cell of the template that the record was opened under, or 0. A template's cell is
 * not freed while a connection names it. */
SLOW_PATH __u32 find_moved_template(__u32 former_cell) {
    const struct shoal_connection___former* former = get_former(former_cell);
    if (!former_cell || !former || former->protocol != SHOAL_PROTOCOL_TEMPLATE) return 0;
    const FORMER_ADDRESSES* of = get_former_addresses(former);
    if (!of) return 0;
    struct flow flow = {.client_address = former_client(of),
                        .other_address = former_virtual(of),
                        .protocol = SHOAL_PROTOCOL_TEMPLATE};
    return set_hash(&flow) ? find_again(&flow) : 0;
}

static __always_inline void fill_copy(struct shoal_connection* copy,
                                      const struct shoal_connection___former* former,
                                      const struct flow* flow, ip_address real_address) {
    __u32 generation = copy->word >> SHOAL_WORD_GENERATION_SHIFT;
    set_addresses(copy, flow, real_address);
    copy->client_port = former->client_port;
    copy->virtual_port = former->virtual_port;
    copy->real_port = former->real_port;
    copy->protocol = former->protocol;
    copy->method = former->method;
    copy->service = former->service;
    copy->server = former->server;
    copy->client_interface = former->client_interface;
    __builtin_memcpy(copy->client_mac, former->client_mac, sizeof(copy->client_mac));
    __builtin_memcpy(copy->client_source_mac, former->client_source_mac,
                     sizeof(copy->client_source_mac));
    copy->client_epoch = former->client_epoch;
    copy->load_epoch = former->load_epoch;
    copy->controlled = 0;
    copy->seen = READ_ONCE(former->seen);
    __u32 flags = bind(copy, find_moved_template(former->template_cell));
    WRITE_ONCE(copy->word, generation << SHOAL_WORD_GENERATION_SHIFT | flags | FAMILY_WORD |
                               SHOAL_STATE_PENDING);
}

static __always_inline void drop_unlinked(struct shoal_connection* copy, __u32 cell) {
    struct shoal_free_ring* ring = get_ring();
    unbind(copy);
    if (!ring) return;
    put_addresses_back(copy, ring);
    WRITE_ONCE(copy->word, (copy->word & (~0U << SHOAL_WORD_GENERATION_SHIFT)) | SHOAL_STATE_FREE);
    put_back(ring, cell);
}

#define MOVE_FULL 0U
#define MOVE_RIVAL 0xffffffffU /* the new table has a connection of this flow */

/* Makes a copy that counts nothing yet. Its cell, MOVE_FULL or MOVE_RIVAL. */
SLOW_PATH __u32 make_copy(__u32 former_cell) {
    const struct shoal_connection___former* former = get_former(former_cell);
    const FORMER_ADDRESSES* of = former ? get_former_addresses(former) : NULL;
    struct shoal_free_ring* ring = get_ring();
    if (!of || !ring) return MOVE_FULL;
    __u32 cell = take_spare_cell();
    struct shoal_connection* copy = get_connection(cell);
    if (!cell || !copy) return MOVE_FULL;
    if (!take_spare_addresses(copy, cell)) {
        put_back(ring, cell);
        return MOVE_FULL;
    }
    struct flow flow = {.client_address = former_client(of),
                        .other_address = former_virtual(of),
                        .client_port = former->client_port,
                        .other_port = former->virtual_port,
                        .protocol = former->protocol};
    fill_copy(copy, former, &flow, former_real(of));
    int place = set_hash(&flow) ? link_cell(&flow, cell) : NO_PLACE;
    if (place == NO_PLACE) {
        drop_unlinked(copy, cell);
        return MOVE_FULL;
    }
    if (!find_winner(&flow, cell, place)) return cell;
    give_way(copy);
    return MOVE_RIVAL;
}

/* The former record's word once it is ended here, 0 where somebody else ended it. */
static __always_inline __u32 end_former(struct shoal_connection___former* former, __u32 word) {
    for (int attempt = 0; attempt < STATE_ATTEMPTS; ++attempt) {
        __u32 dead = (word & ~SHOAL_WORD_STATE_MASK) | SHOAL_STATE_DEAD;
        __u32 found = __sync_val_compare_and_swap(&former->word, word, dead);
        if (found == word) return word;
        word = found;
        if (!is_present(word) || is_pending(word)) return 0;
    }
    return 0;
}

/* Only a rival that was linked before the former record ended can have beaten the copy. */
static __always_inline bool commit_copy(struct shoal_connection* copy, __u32 word) {
    const __u32 own = ~0U << SHOAL_WORD_GENERATION_SHIFT | SHOAL_WORD_FTP_CONTROL | SHOAL_WORD_IPV6;
    __u32 pending = READ_ONCE(copy->word);
    if (!is_pending(pending)) return false;
    word = (pending & own) | (word & ~own);
    return __sync_val_compare_and_swap(&copy->word, pending, word) == pending;
}

/* What a record counted for that is over now, and has no copy. */
static __always_inline void take_count_off(const struct shoal_connection___former* former,
                                           __u32 word) {
    if ((word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_TEMPLATE)
        count_template(former->server, -1ULL);
    else
        change_load(former->service, former->server, former->load_epoch, -load_of(word));
}

/* A packet ended the former record, most likely one that renews the connection: it may have gone by
 * the copy already, which therefore begins half-open. */
static __always_inline void begin_anew(struct shoal_connection* copy) {
    bool tcp = copy->protocol == IPPROTO_TCP;
    __u32 word = with_state(0, tcp ? SHOAL_STATE_SYN_RECV : SHOAL_STATE_UDP);
    struct counted counted = counted_in(copy);
    WRITE_ONCE(copy->seen, bpf_jiffies64());
    if (commit_copy(copy, word)) change_load_of(&counted, load_of(word));
}

/* False where the new table is full. */
SLOW_PATH bool move_one(__u32 former_cell, __u32 word) {
    struct shoal_connection___former* former = get_former(former_cell);
    if (!former) return true;
    __u32 cell = make_copy(former_cell);
    if (cell == MOVE_FULL) return false;
    __u32 ended = end_former(former, word);
    struct shoal_connection* copy = cell == MOVE_RIVAL ? NULL : get_connection(cell);
    if (!copy) {
        if (ended) take_count_off(former, ended);
    } else if (ended) {
        WRITE_ONCE(copy->seen, READ_ONCE(former->seen));
        if (!commit_copy(copy, ended)) take_count_off(former, ended);
    } else if (copy->protocol == SHOAL_PROTOCOL_TEMPLATE) {
        give_way(copy);
    } else {
        begin_anew(copy);
    }
    return true;
}

struct moving {
    struct shoal_move* request;
};

static __always_inline void visit_former(struct shoal_move* request, __u32 cell) {
    struct shoal_connection___former* former = get_former(cell);
    if (!former) return;
    __u32 word = READ_ONCE(former->word);
    __u32 state = word & SHOAL_WORD_STATE_MASK;
    /* A cell of addresses goes with its connection's. */
    if (state == SHOAL_STATE_FREE || state == SHOAL_STATE_ADDRESSES) return;
    if (!former->protocol || (word & SHOAL_WORD_IPV6) != FAMILY_WORD) return; /* never used */
    bool wanted = request->templates ? state == SHOAL_STATE_TEMPLATE : is_counted(word);
    if (wanted) {
        if (move_one(cell, word))
            ++request->moved;
        else
            ++request->waiting;
    }
    ++request->taken;
}

static long visit_former_cells(__u32 call, struct moving* moving) {
    for (__u32 i = 0; i < SHOAL_MOVE_CELLS_PER_CALL; ++i) {
        __u32 cell = moving->request->first + call * SHOAL_MOVE_CELLS_PER_CALL + i;
        if (cell > shoal_former_mask) return 1;
        visit_former(moving->request, cell);
    }
    return 0;
}

/* One run of `move_request`. */
static __always_inline int move_slice(void) {
    __u32 zero = 0;
    struct moving moving = {.request = bpf_map_lookup_elem(&move_request, &zero)};
    if (!moving.request) return 1;
    moving.request->moved = moving.request->waiting = moving.request->taken = 0;
    bpf_loop(moving.request->calls, visit_former_cells, &moving, 0);
    put_spare_cells_back();
    return 0;
}

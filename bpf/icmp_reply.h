/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* ICMP errors of the director's own (tc only): the packet itself is turned into the error about it
 * and goes back by where it came from. */

#include "checksum.h"
#include "packet.h"
#include "tables.h"

#if defined(HOOK_TC)

struct icmp_header {
    __u8 type;
    __u8 code;
    __u16 checksum;
    __be32 info;
};

/* As many bytes of the packet are quoted: with the ICMP header all that bpf_csum_diff sums at once,
 * and the whole stays below the 576 bytes of RFC 1812, 4.3.2.3. IPv6 would have room for more. */
#define QUOTED_BYTES 504

/* Linux answers 1000 times a second, at most 50 of them in a row (icmp_msgs_per_sec and _burst);
 * here each CPU by itself. */
#define TOKENS_PER_SECOND 1000
#define MOST_TOKENS 50

struct icmp_scratch {
    __u32 tokens;
    __u32 refilled; /* jiffies; 0: never yet */
    struct icmp_header header;
    __u8 quoted[QUOTED_BYTES + 4]; /* and zeros, to sum whole words */
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct icmp_scratch);
} OF_FAMILY(icmp_scratch) SEC(".maps");

static __always_inline bool take_token(struct icmp_scratch* scratch,
                                       const struct shoal_settings* settings) {
    __u32 now = bpf_jiffies64();
    __u32 hz = settings->hz ? settings->hz : 1;
    __u32 elapsed = now - scratch->refilled;
    if (elapsed > hz || !scratch->refilled) elapsed = hz;
    __u32 earned = elapsed * TOKENS_PER_SECOND / hz;
    if (earned) {
        scratch->tokens += earned;
        if (scratch->tokens > MOST_TOKENS) scratch->tokens = MOST_TOKENS;
        scratch->refilled = now;
    }
    if (!scratch->tokens) return false;
    --scratch->tokens;
    return true;
}

/* Both headers of the error; the quoted packet stands behind them already. */
struct error_headers {
    ip_header ip;
    struct icmp_header icmp;
};

#if defined(FAMILY_6)
#include "icmp_reply_v6.h"
#else
#include "icmp_reply_v4.h"
#endif

/* Whether the device will sum the transport part when it sends, and write the result over the
 * quoted checksum, which is then `*checksum`. Nothing tells but the value itself. */
static __always_inline bool is_partial(const hook_context* context, const struct icmp_scratch* copy,
                                       __u32 length, __u16* checksum) {
    const ip_header* ip = (const void*)copy->quoted;
    __u32 header_bytes = quoted_header_bytes(ip);
    __u32 at = header_bytes + (quoted_protocol(ip) == IPPROTO_TCP ? offsetof(struct tcphdr, check)
                                                                  : offsetof(struct udphdr, check));
    if (at + sizeof(*checksum) > length || at > QUOTED_BYTES) return false;
    *checksum = *(const __u16*)(copy->quoted + at);
    __u32 bytes = context->gso_segs ? context->len - ETH_HLEN : ip_bytes(ip);
    return *checksum == partial_checksum(ip, bytes - header_bytes);
}

/* The sum of the words that the error consists of when it arrives. What the device completes sums
 * up to the complement of the partial checksum, whatever the data is. */
static __always_inline __u32 sum_of_error(const hook_context* context, struct icmp_scratch* copy,
                                          __u32 length) {
    __u16 checksum = 0;
    __u32 summed = length;
    __u32 more = 0;
    if (is_partial(context, copy, length, &checksum)) {
        summed = quoted_header_bytes((const void*)copy->quoted);
        more = (__u16)~checksum;
    }
    if (summed > QUOTED_BYTES) return 0;
    summed = (summed + sizeof(copy->header) + 3) & ~3U;
    __s64 sum = bpf_csum_diff(NULL, 0, (void*)&copy->header, summed, more);
    return fold(sum);
}

static __always_inline int send_back(hook_context* context, const struct error_headers* headers) {
    __u8 macs[2][ETH_ALEN];
    if (bpf_skb_load_bytes(context, 0, macs, sizeof(macs)) ||
        bpf_skb_adjust_room(context, sizeof(*headers), BPF_ADJ_ROOM_MAC, 0) ||
        bpf_skb_store_bytes(context, ETH_HLEN, headers, sizeof(*headers), BPF_F_RECOMPUTE_CSUM) ||
        bpf_skb_store_bytes(context, 0, macs[1], ETH_ALEN, 0) ||
        bpf_skb_store_bytes(context, ETH_ALEN, macs[0], ETH_ALEN, 0))
        return ACTION_DROP;
    return bpf_redirect(context->ifindex, 0);
}

/* Copies what is quoted; returns its length, or 0. */
static __always_inline __u32 quote(hook_context* context, struct icmp_scratch* copy) {
    __u32 length = context->len - ETH_HLEN;
    if (length > QUOTED_BYTES) length = QUOTED_BYTES;
    if (length < sizeof(ip_header)) return 0;
    *(__u32*)(copy->quoted + (length & ~3U)) = 0;
    return bpf_skb_load_bytes(context, ETH_HLEN, copy->quoted, length) ? 0 : length;
}

/* Turns a packet, unmodified as yet, into an ICMP error about itself, from `source` to who
 * sent it: `type_and_code` is the type times 256 plus the code, `info` the second word of the ICMP
 * header (of fragmentation needed: the MTU). Returns the hook's action; ACTION_DROP also where too
 * many were told already. Any pointers into the packet are void after this. */
static __always_inline int answer_sender(hook_context* context, __u32 type_and_code, __u32 info,
                                         ip_address source) {
    __u32 zero = 0;
    const struct shoal_settings* settings = get_settings();
    struct icmp_scratch* copy = bpf_map_lookup_elem(&OF_FAMILY(icmp_scratch), &zero);
    if (!settings || !copy) return ACTION_DROP;
    __u32 length = quote(context, copy);
    const ip_header* about = (const void*)copy->quoted;
    if (!length || !may_be_told(context, about) || !take_token(copy, settings)) return ACTION_DROP;

    struct error_headers headers = {};
    headers.icmp.type = type_and_code >> 8;
    headers.icmp.code = type_and_code;
    headers.icmp.info = bpf_htonl(info);
    copy->header = headers.icmp;
    fill_header(&headers.ip, source, source_of(about), sizeof(headers.icmp) + length);
    headers.icmp.checksum = ~fold(sum_of_error(context, copy, length) +
                                  covered_header(&headers.ip, sizeof(headers.icmp) + length));
    /* Also where nothing is cut: it makes an aggregate a plain packet. */
    if ((context->len > ETH_HLEN + length || context->gso_size) &&
        bpf_skb_change_tail(context, ETH_HLEN + length, 0))
        return ACTION_DROP;
    return send_back(context, &headers);
}

#if defined(FAMILY_6)
#include "tell_v6.h"
#else
#include "tell_v4.h"
#endif

#endif

#include "dataplane/bpf/held_fragments.h"

#include <arpa/inet.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace shoal::dataplane {

namespace {

using Bytes = std::span<const std::byte>;

constexpr int most_extension_headers = 6;  // as many as the packet path looks through

/// A header at the front of `bytes`, by value: frames are not aligned.
template <class Header>
std::optional<Header> header_at(Bytes bytes, std::size_t offset) {
    Header header{};
    if (bytes.size() < offset || bytes.size() - offset < sizeof header) return std::nullopt;
    std::memcpy(&header, bytes.data() + offset, sizeof header);
    return header;
}

std::optional<shoal_fragment_key> key_of_ipv4(Bytes packet) {
    const auto ip = header_at<iphdr>(packet, 0);
    if (!ip || (ntohs(ip->frag_off) & IP_OFFMASK) == 0) return std::nullopt;
    shoal_fragment_key key{};
    key.source[0] = ip->saddr;
    key.destination[0] = ip->daddr;
    key.identification = ip->id;
    key.protocol = ip->protocol;
    key.family = 4;
    return key;
}

bool comes_before_fragment(std::uint8_t header) {
    return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

std::optional<shoal_fragment_key> key_of_ipv6(Bytes packet) {
    const auto ip = header_at<ip6_hdr>(packet, 0);
    if (!ip) return std::nullopt;
    std::uint8_t header = ip->ip6_nxt;
    std::size_t offset = sizeof *ip;
    for (int i = 0; i < most_extension_headers && comes_before_fragment(header); ++i) {
        const auto extension = header_at<ip6_ext>(packet, offset);
        if (!extension) return std::nullopt;
        header = extension->ip6e_nxt;
        offset += (extension->ip6e_len + std::size_t{1}) * 8;
    }
    const auto fragment = header_at<ip6_frag>(packet, offset);
    if (header != IPPROTO_FRAGMENT || !fragment) return std::nullopt;
    if ((fragment->ip6f_offlg & IP6F_OFF_MASK) == 0) return std::nullopt;
    shoal_fragment_key key{};
    std::memcpy(&key.source[0], &ip->ip6_src, sizeof ip->ip6_src);
    std::memcpy(&key.destination[0], &ip->ip6_dst, sizeof ip->ip6_dst);
    key.identification = fragment->ip6f_ident;
    key.family = 6;
    return key;
}

}  // namespace

std::optional<shoal_fragment_key> fragment_key_of(Bytes frame) {
    const auto ethernet = header_at<ether_header>(frame, 0);
    if (!ethernet) return std::nullopt;
    const Bytes packet = frame.subspan(sizeof *ethernet);
    switch (ntohs(ethernet->ether_type)) {
        case ETHERTYPE_IP:
            return key_of_ipv4(packet);
        case ETHERTYPE_IPV6:
            return key_of_ipv6(packet);
        default:
            return std::nullopt;
    }
}

bool HeldFragments::add(Frame frame, Clock::time_point now) {
    if (full()) return false;
    const auto key = fragment_key_of(frame);
    if (!key) return false;
    held_.push_back({std::move(frame), *key, now, now + std::chrono::milliseconds(1)});
    return true;
}

bool HeldFragments::is_over(Held& held, Clock::time_point now, const IsKnown& is_known) {
    if (now < held.next) return false;
    if (now - held.came >= longest || is_known(held.key)) return true;
    const auto pause = 2 * (held.next - held.came) + std::chrono::milliseconds(1);
    held.next = held.came + std::min<Clock::duration>(pause, longest);
    return false;
}

std::vector<HeldFragments::Frame> HeldFragments::take(Clock::time_point now,
                                                      const IsKnown& is_known) {
    std::vector<Frame> taken;
    std::erase_if(held_, [&](Held& held) {
        if (!is_over(held, now, is_known)) return false;
        taken.push_back(std::move(held.frame));
        return true;
    });
    return taken;
}

std::optional<HeldFragments::Clock::time_point> HeldFragments::next() const {
    const auto first = std::ranges::min_element(held_, {}, &Held::next);
    if (first == held_.end()) return std::nullopt;
    return first->next;
}

}  // namespace shoal::dataplane

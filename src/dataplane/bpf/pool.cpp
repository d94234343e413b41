#include "dataplane/bpf/pool.h"

#include <algorithm>
#include <numeric>

#include "dataplane/bpf/ring.h"
#include "score.h"

namespace shoal::dataplane {

namespace {

constexpr std::uint32_t width = SHOAL_NODE_SLOTS;
constexpr std::uint32_t ring_width = SHOAL_RING_NODE_SLOTS;

std::uint32_t nodes_for(std::uint32_t slots) {
    return (slots + width - 1) / width;
}

void clear_scores(shoal_pool_node& node) {
    std::ranges::fill(node.score, SHOAL_SCORE_NONE);
    std::ranges::fill(node.server, SHOAL_NO_SERVER);
}

shoal_pool_header make_header(const Pool& pool) {
    shoal_pool_header header{};
    header.count = static_cast<std::uint32_t>(pool.members.size());
    header.generation = pool.generation;
    header.scheduler = pool.scheduler;
    header.flags = pool.flags;
    std::uint32_t divisor = 0;
    for (const PoolMember& member : pool.members) {
        header.max_weight = std::max(header.max_weight, member.weight);
        divisor = std::gcd(divisor, member.weight);
    }
    header.weight_gcd = divisor == 0 ? 1 : divisor;
    header.leaves = std::max(1U, nodes_for(header.count));
    header.middles = header.leaves == 1 ? 0 : nodes_for(header.leaves);
    header.depth = header.leaves == 1 ? 1 : header.middles == 1 ? 2 : 3;
    header.root = header.leaves + header.middles + (header.depth == 3 ? 1 : 0);
    return header;
}

void append_ring(std::vector<shoal_pool_node>& nodes, std::span<const std::uint16_t> ring) {
    if (ring.empty()) return;
    nodes[0].header.ring_size = static_cast<std::uint32_t>(ring.size());
    nodes[0].header.first_ring_node = static_cast<std::uint32_t>(nodes.size());
    for (; !ring.empty(); ring = ring.subspan(std::min<std::size_t>(ring.size(), ring_width))) {
        shoal_pool_node node{};
        std::ranges::fill(node.ring, SHOAL_RING_EMPTY);
        std::ranges::copy(ring.first(std::min<std::size_t>(ring.size(), ring_width)), node.ring);
        nodes.push_back(node);
    }
}

std::uint64_t least(const shoal_pool_node& node) {
    return std::ranges::min(node.score);
}

/// `count` nodes from `first` on become the children of those from `parents` on.
void fill_above(std::vector<shoal_pool_node>& nodes, std::uint32_t first, std::uint32_t count,
                std::uint32_t parents) {
    for (std::uint32_t i = 0; i < count; ++i)
        nodes[parents + i / width].score[i % width] = least(nodes[first + i]);
}

}  // namespace

std::vector<shoal_pool_node> build_nodes(const Pool& pool, std::span<const MemberState> states) {
    const shoal_pool_header header = make_header(pool);
    std::vector<shoal_pool_node> nodes(header.root + 1);
    nodes[0].header = header;
    for (shoal_pool_node& node : std::span(nodes).subspan(1))
        clear_scores(node);
    for (std::uint32_t i = 0; i < header.count; ++i) {
        shoal_pool_node& leaf = nodes[1 + i / width];
        const auto [server, weight] = pool.members[i];
        const shoal_server_load& load = states[i].load;
        leaf.server[i % width] = server;
        leaf.weight[i % width] = weight;
        leaf.score[i % width] = shoal_score(pool.scheduler, load.load, load.baseline, weight);
    }
    if (header.depth > 1) fill_above(nodes, 1, header.leaves, 1 + header.leaves);
    if (header.depth > 2) fill_above(nodes, 1 + header.leaves, header.middles, header.root);
    const auto ring = fill_ring(pool, states);
    append_ring(nodes, ring.empty() ? fill_stateless_ring(pool, states) : ring);
    return nodes;
}

Pool read_pool(std::span<const shoal_pool_node> nodes) {
    if (nodes.empty()) return {};
    const shoal_pool_header& header = nodes[0].header;
    Pool pool{
        .generation = header.generation, .scheduler = header.scheduler, .flags = header.flags};
    if (header.scheduler == SHOAL_SCHEDULER_MH) pool.mh_size = header.ring_size;
    for (std::uint32_t i = 0; i < header.count && 1 + i / width < nodes.size(); ++i) {
        const shoal_pool_node& leaf = nodes[1 + i / width];
        pool.members.push_back({leaf.server[i % width], leaf.weight[i % width]});
    }
    return pool;
}

}  // namespace shoal::dataplane

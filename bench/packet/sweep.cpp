#include <chrono>
#include <stdexcept>

#include "cases.h"

namespace shoal::bench {
namespace {

namespace t = dataplane::testing;

constexpr std::uint32_t cells = 1U << 20;
/// As many as fit before half-open ones are ended to make room; see bpf/reclaim.h.
constexpr std::uint32_t opened = cells - (cells >> SHOAL_RESERVE_SHIFT) - 1024;

constexpr t::Endpoint client{"198.18.0.1", 40000};
constexpr t::Endpoint service{"192.0.2.80", 80};

template <class Work>
double nanoseconds(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start)
        .count();
}

/// The reads that the sweeper cannot do without, from user space.
std::uint32_t read_mapped(const t::PacketPath& path) {
    std::uint32_t sum = 0;
    for (const auto& connection : path.connections())
        sum += connection.word + connection.seen + connection.protocol;
    return sum;
}

void open_all(PacketBench& bench) {
    Case opening;
    opening.name = "opening";
    opening.frame = t::PacketBuilder::tcp(client, service, t::syn).build();
    opening.expected_action = t::xdp_tx;
    opening.verdict = "new_connection";
    opening.flows = cells;
    opening.runs = opened;
    bench.measure(opening);
}

}  // namespace

void measure_sweep(Figures& figures) {
    t::PacketPath path(cells);
    path.serve({{"10.0.0.1", 80, SHOAL_METHOD_NAT, t::loopback, true}}, SHOAL_SCHEDULER_WLC);
    PacketBench bench(path, t::Hook::xdp);
    open_all(bench);
    for (int repetition = 0; repetition <= repetitions; ++repetition) {
        const double plain = bench.read_connections();
        const double swept = nanoseconds([&] {
            if (!path.sweep()) throw std::runtime_error("another sweep is under way");
        });
        volatile std::uint32_t sum = 0;
        const double mapped = nanoseconds([&] { sum = read_mapped(path); });
        if (repetition == 0) continue;
        figures["sweep_1m_ratio"].push_back(swept / plain);
        figures["sweep_1m_ratio_to_mapped_read"].push_back(swept / mapped);
        figures["sweep_1m_ms"].push_back(swept / 1e6);
    }
    if (path.live().size() != opened) throw std::runtime_error("connections ended in the sweep");
}

}  // namespace shoal::bench

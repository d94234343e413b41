#include <sched.h>
#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <string_view>

#include "cases.h"

// ns per packet of the packet path: `bench_packet [--json] [--sweep]`; --sweep: the sweeper alone.
// Needs root.

namespace shoal::bench {
namespace {

using dataplane::testing::Hook;
using dataplane::testing::PacketPath;

constexpr unsigned bench_cpu = 1;
constexpr std::uint32_t cells = 1U << 21;

struct Options {
    bool json = false;
    bool sweep_only = false;
};

void measure_packets(Figures& figures) {
    PacketPath path(cells);
    PacketCases::add_services(path);
    PacketCases(path, Hook::xdp, true).run(figures);
    PacketCases(path, Hook::tc, false).run(figures);
}

int run(const Options& options) {
    if (unshare(CLONE_NEWNET) != 0) throw std::runtime_error("no network namespace to be had");
    dataplane::testing::pin_to_cpu(bench_cpu);
    setpriority(PRIO_PROCESS, 0, -20);
    Figures figures;
    if (!options.sweep_only) {
        measure_packets(figures);
        measure_established(figures);
        measure_tunnels(figures);
        measure_ipv6(figures);
    }
    measure_sweep(figures);
    std::puts((options.json ? to_json(figures) : to_table(figures)).c_str());
    return 0;
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) try {
    shoal::bench::Options options;
    for (const char* argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
        if (std::string_view(argument) == "--json") {
            options.json = true;
        } else if (std::string_view(argument) == "--sweep") {
            options.sweep_only = true;
        } else {
            std::fputs("usage: bench_packet [--json] [--sweep]\n", stderr);
            return 2;
        }
    }
    return shoal::bench::run(options);
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_packet: %s\n", error.what());
    return 1;
}

#include <bpf/bpf.h>

#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "packet_bench.h"
#include "report.h"

// ns per packet of the packet path: `bench_packet [--json]`. Needs root.

namespace shoal::bench {
namespace {

using dataplane::testing::Endpoint;
using dataplane::testing::Hook;
using dataplane::testing::Member;
using dataplane::testing::PacketBuilder;
using dataplane::testing::PacketPath;

constexpr unsigned bench_cpu = 1;
constexpr int repetitions = 7;
constexpr std::uint32_t cells = 1U << 21;
constexpr std::uint32_t many_flows = 1U << 20;
constexpr std::uint32_t new_connections = 1U << 19;

constexpr Endpoint client{"198.18.0.1", 40000};
// Another client, so that new connections do not share their hashes with established ones.
constexpr Endpoint new_client{"198.19.0.1", 40000};
constexpr Endpoint nat_service{"192.0.2.80", 80};
constexpr Endpoint direct_service{"192.0.2.81", 80};
constexpr Endpoint new_service{"192.0.2.82", 80};
constexpr Endpoint foreign{"203.0.113.9", 80};

std::uint32_t add_servers(PacketPath& path, const Endpoint& vip, shoal_method method,
                          const std::string& prefix) {
    const auto service = path.add_service(std::string(vip.address), vip.port, SHOAL_SCHEDULER_WLC);
    std::vector<Member> members;
    for (const char* last : {"1", "2", "3"})
        members.push_back({path.add_server(service, {prefix + last, 80, method,
                                                     dataplane::testing::loopback, true}),
                           1});
    path.set_pool(service, members);
    return service;
}

/// Ends the service's connections as if they had timed out, and gives their cells back.
void expire(PacketPath& path, std::uint32_t service) {
    for (auto& connection : path.connections())
        if (connection.service == service) connection.seen -= 1000 * path.settings().hz;
    path.sweep();
    path.sweep();
}

struct Bench {
    PacketPath& path;
    Hook hook;
    std::uint32_t new_service_index;

    Case make(const std::string& name, const Endpoint& from, const Endpoint& to,
              std::uint8_t flags) const {
        namespace t = dataplane::testing;
        Case made;
        made.name = name + (hook == Hook::tc ? "_tc" : "");
        made.frame = PacketBuilder::tcp(from, to, flags).build();
        made.expected_action = hook == Hook::tc ? t::tc_redirect : t::xdp_tx;
        return made;
    }

    std::vector<Case> cases() const {
        namespace t = dataplane::testing;
        Case floor = make("floor", client, nat_service, t::ack);
        floor.empty_program = true;
        floor.expected_action = hook == Hook::tc ? t::tc_unspec : t::xdp_tx;
        Case other = make("foreign_packet", client, foreign, t::ack);
        other.expected_action = hook == Hook::tc ? t::tc_unspec : t::xdp_pass;
        Case many = make("nat_established_1m", client, nat_service, t::ack);
        many.flows = many_flows;
        Case fresh = make("new_connection_wlc_3", new_client, new_service, t::syn);
        fresh.flows = fresh.runs = new_connections;
        fresh.prepare = [this] { expire(path, new_service_index); };
        return {floor,
                other,
                make("nat_established_1", client, nat_service, t::ack),
                make("dr_established_1", client, direct_service, t::ack),
                many,
                fresh};
    }

    /// Every flow that the cases call established.
    void establish(PacketBench& bench) const {
        namespace t = dataplane::testing;
        for (const std::uint8_t flags : {t::syn, t::ack}) {
            Case many = make("opening", client, nat_service, flags);
            many.flows = many.runs = many_flows;
            bench.measure(many);
            for (const auto& vip : {nat_service, direct_service}) {
                Case one = make("opening", client, vip, flags);
                one.runs = 1;
                bench.measure(one);
            }
        }
    }
};

void run_hook(PacketPath& path, Hook hook, std::uint32_t new_service_index, Figures& figures) {
    const Bench setup{path, hook, new_service_index};
    PacketBench bench(path, hook);
    setup.establish(bench);
    const auto cases = setup.cases();
    for (int repetition = 0; repetition <= repetitions; ++repetition) {
        for (const auto& measured : cases) {
            const double figure = bench.measure(measured);
            if (repetition > 0) figures[measured.name].push_back(figure);  // the first one warms up
        }
    }
}

int run(bool json) {
    dataplane::testing::pin_to_cpu(bench_cpu);
    PacketPath path(cells);
    add_servers(path, nat_service, SHOAL_METHOD_NAT, "10.0.0.");
    add_servers(path, direct_service, SHOAL_METHOD_DIRECT, "10.0.1.");
    const auto new_index = add_servers(path, new_service, SHOAL_METHOD_NAT, "10.0.2.");
    Figures figures;
    run_hook(path, Hook::xdp, new_index, figures);
    run_hook(path, Hook::tc, new_index, figures);
    std::puts((json ? to_json(figures) : to_table(figures)).c_str());
    return 0;
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) try {
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    const bool json = argc == 2 && std::string_view(arguments[1]) == "--json";
    if (argc > 1 && !json) {
        std::fputs("usage: bench_packet [--json]\n", stderr);
        return 2;
    }
    return shoal::bench::run(json);
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_packet: %s\n", error.what());
    return 1;
}

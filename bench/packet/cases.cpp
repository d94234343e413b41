#include "cases.h"

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace shoal::bench {
namespace {

namespace t = dataplane::testing;
using t::Endpoint;
using t::Hook;
using t::Member;
using t::PacketBuilder;
using t::PacketPath;

constexpr std::uint32_t many_flows = 1U << 20;
constexpr std::uint32_t fresh_connections = 1U << 19;
constexpr std::uint32_t largest_pool = pool_sizes.back();

constexpr Endpoint client{"198.18.0.1", 40000};
// Of each virtual server its own: connections of one client and port share their hash, and the
// packets of but one of them are spared the whole search.
constexpr Endpoint direct_client{"198.20.0.1", 40000};
// Another client, so that new connections do not share their hashes with established ones.
constexpr Endpoint new_client{"198.19.0.1", 40000};
constexpr Endpoint nat_service{"192.0.2.80", 80};
constexpr Endpoint direct_service{"192.0.2.81", 80};
constexpr Endpoint tunnel_service{"192.0.2.83", 80};
constexpr Endpoint client_v6{"2001:db8:c::1", 40000};
constexpr Endpoint direct_client_v6{"2001:db8:d::1", 40000};
constexpr Endpoint tunnel_client_v6{"2001:db8:e::1", 40000};
constexpr Endpoint nat_service_v6{"2001:db8:80::80", 80};
constexpr Endpoint direct_service_v6{"2001:db8:80::81", 80};
constexpr Endpoint tunnel_service_v6{"2001:db8:80::83", 80};
constexpr Endpoint foreign{"203.0.113.9", 80};
/// The first port of the services of pool_sizes.
constexpr std::uint16_t first_port = 8000;
// Services and servers are numbered as they are added.
constexpr std::uint32_t established_services = 2;
constexpr std::uint32_t servers_before_pools = 6;

Endpoint pool_service(std::size_t pool) {
    return {"192.0.2.82", static_cast<std::uint16_t>(first_port + pool)};
}

bool is_v6(const Endpoint& endpoint) {
    return endpoint.address.contains(':');
}

std::string server_address(const Endpoint& vip, std::size_t network, std::uint32_t number) {
    if (is_v6(vip))
        return "2001:db8:" + std::to_string(network) + "::" + std::to_string(number + 1);
    return "10." + std::to_string(network) + "." + std::to_string(number / 250) + "." +
           std::to_string(number % 250 + 1);
}

void add_service(PacketPath& path, const Endpoint& vip, shoal_method method, std::size_t network,
                 std::uint32_t servers) {
    const auto service = path.add_service(std::string(vip.address), vip.port, SHOAL_SCHEDULER_WLC);
    std::vector<Member> members;
    for (std::uint32_t number = 0; number < servers; ++number)
        members.push_back({path.add_server(service, {server_address(vip, network, number), 80,
                                                     method, t::loopback, true}),
                           1 + number % (servers > 3 ? 10 : 1)});
    path.set_pool(service, members);
}

std::uint32_t first_server(std::size_t pool) {
    std::uint32_t first = servers_before_pools;
    for (std::size_t before = 0; before < pool; ++before)
        first += pool_sizes[before];
    return first;
}

void expect_inactive(const PacketPath& path, std::size_t pool, std::uint32_t expected) {
    std::uint32_t inactive = 0;
    for (std::uint32_t server = 0; server < pool_sizes[pool]; ++server)
        inactive += path.inactive(first_server(pool) + server);
    if (inactive != expected)
        throw std::runtime_error(std::to_string(inactive) +
                                 " connections are inactive instead of " +
                                 std::to_string(expected));
}

const Endpoint& client_of(const Endpoint& vip) {
    if (vip.address == direct_service.address) return direct_client;
    if (vip.address == direct_service_v6.address) return direct_client_v6;
    if (vip.address == tunnel_service_v6.address) return tunnel_client_v6;
    return is_v6(vip) ? client_v6 : client;
}

t::Bytes segment(const Endpoint& vip, std::uint8_t flags) {
    return PacketBuilder::tcp(client_of(vip), vip, flags).build();
}

Case established_case(const std::string& name, const Endpoint& vip, std::uint32_t flows) {
    Case established;
    established.name = name;
    established.frame = segment(vip, t::ack);
    established.ipv6 = is_v6(vip);
    established.expected_action = t::xdp_tx;
    established.verdict = "forwarded";
    established.flows = flows;
    return established;
}

/// Opens the flows of `like`.
void open_flows(PacketBench& bench, Case like, const Endpoint& vip) {
    like.runs = like.flows;
    like.stride = opening_stride;
    for (const std::uint8_t flags : {t::syn, t::ack}) {
        like.frame = segment(vip, flags);
        like.verdict = flags == t::syn ? "new_connection" : "forwarded";
        bench.measure(like);
    }
}

std::string suffix(Hook hook) {
    return hook == Hook::tc ? "_tc" : "";
}

struct Measurement {
    std::string name;
    std::function<double()> once;
};

std::vector<Measurement> measurements(PacketBench& bench, const std::vector<Case>& cases) {
    std::vector<Measurement> all;
    for (const auto& measured : cases)
        all.push_back({measured.name, [&bench, measured] { return bench.measure(measured); }});
    return all;
}

void record(const std::vector<Measurement>& all, Figures& figures) {
    for (int repetition = 0; repetition <= repetitions; ++repetition) {
        for (const auto& measurement : all) {
            const double figure = measurement.once();
            if (repetition > 0) figures[measurement.name].push_back(figure);  // the first warms up
        }
    }
}

}  // namespace

PacketCases::PacketCases(PacketPath& path, Hook hook, bool lines)
    : path_(path), hook_(hook), lines_(lines), bench_(path, hook) {}

void PacketCases::add_services(PacketPath& path) {
    add_service(path, nat_service, SHOAL_METHOD_NAT, 0, 3);
    add_service(path, direct_service, SHOAL_METHOD_DIRECT, 1, 3);
    for (std::size_t pool = 0; pool < pool_sizes.size(); ++pool)
        add_service(path, pool_service(pool), SHOAL_METHOD_NAT, 2 + pool, pool_sizes[pool]);
}

Case PacketCases::make(const std::string& name, const Endpoint& from, const Endpoint& to,
                       std::uint8_t flags, const std::string& verdict) const {
    Case made;
    made.name = name + suffix(hook_);
    made.frame = PacketBuilder::tcp(from, to, flags).build();
    made.expected_action = hook_ == Hook::tc ? t::tc_redirect : t::xdp_tx;
    made.verdict = verdict;
    return made;
}

void PacketCases::establish() {
    for (const std::uint8_t flags : {t::syn, t::ack}) {
        Case many = make("opening", client, nat_service, flags, "");
        many.flows = many.runs = many_flows;
        many.stride = opening_stride;
        bench_.measure(many);
        for (const auto& vip : {nat_service, direct_service}) {
            Case one = make("opening", client_of(vip), vip, flags, "");
            one.runs = 1;
            bench_.measure(one);
        }
    }
}

void PacketCases::expire() const {
    for (auto& connection : path_.connections())
        if (connection.service >= established_services)
            connection.seen -= 1000 * path_.settings().hz;
    path_.sweep();
    path_.sweep();
}

Case PacketCases::new_connections(std::size_t pool) const {
    Case fresh = make("new_connection_wlc_" + std::to_string(pool_sizes[pool]), new_client,
                      pool_service(pool), t::syn, "new_connection");
    fresh.flows = fresh.runs = fresh_connections;
    fresh.prepare = [this] { expire(); };
    return fresh;
}

/// As many connections as real servers: opened, established by ACK, made inactive by FIN, active
/// again by SYN and so on. What FIN and SYN cost on average.
double PacketCases::class_change() {
    constexpr int rounds = 64;
    constexpr std::size_t pool = pool_sizes.size() - 1;
    Case one = make("class change", new_client, pool_service(pool), t::syn, "new_connection");
    one.flows = one.runs = largest_pool;
    const auto all = [&](std::uint8_t flags, const std::string& verdict) {
        one.frame = PacketBuilder::tcp(new_client, pool_service(pool), flags).build();
        one.verdict = verdict;
        return bench_.measure(one);
    };
    expire();
    const auto scattered = std::exchange(one.stride, opening_stride);
    all(t::syn, "new_connection");
    one.stride = scattered;
    double sum = 0;
    for (int round = 0; round < rounds; ++round) {
        all(t::ack, "forwarded");
        sum += all(t::fin, "forwarded");
        expect_inactive(path_, pool, largest_pool);
        sum += all(t::syn, "forwarded");
        expect_inactive(path_, pool, 0);
    }
    return sum / (2 * rounds);
}

std::vector<Case> PacketCases::cases() const {
    Case floor = make("floor", client, nat_service, t::ack, "");
    floor.target = Target::empty;
    floor.expected_action = hook_ == Hook::tc ? t::tc_unspec : t::xdp_tx;
    // XDP leaves the naming of what it passes to tc.
    Case other = make("foreign_packet", client, foreign, t::ack,
                      hook_ == Hook::tc ? "foreign" : "passed_up");
    other.expected_action = hook_ == Hook::tc ? t::tc_unspec : t::xdp_pass;
    Case many = make("nat_established_1m", client, nat_service, t::ack, "forwarded");
    many.flows = many_flows;
    std::vector<Case> all{
        floor, other, make("nat_established_1", client, nat_service, t::ack, "forwarded"),
        make("dr_established_1", direct_client, direct_service, t::ack, "forwarded"), many};
    for (std::size_t pool = 0; pool < pool_sizes.size(); ++pool)
        if (lines_ || pool_sizes[pool] == 3 || pool_sizes[pool] == 1000)
            all.push_back(new_connections(pool));
    return all;
}

void PacketCases::run(Figures& figures) {
    expire();
    establish();
    auto all = measurements(bench_, cases());
    all.push_back({"class_change_" + std::to_string(largest_pool) + suffix(hook_),
                   [this] { return class_change(); }});
    record(all, figures);
}

void measure_established(Figures& figures) {
    PacketPath path(2 * flow_counts.back());
    add_service(path, nat_service, SHOAL_METHOD_NAT, 0, 3);
    PacketBench bench(path, Hook::xdp);
    std::vector<Case> cases;
    for (const auto flows : flow_counts) {
        Case established;
        cases.push_back(
            established_case("established_" + std::to_string(flows), nat_service, flows));
    }
    open_flows(bench, cases.back(), nat_service);
    record(measurements(bench, cases), figures);
}

void measure_tunnels(Figures& figures) {
    PacketPath path(2 * many_flows);
    add_service(path, tunnel_service, SHOAL_METHOD_TUNNEL, 0, 3);
    PacketBench bench(path, Hook::xdp);
    Case floor = established_case("floor_encapsulation", tunnel_service, 1);
    floor.target = Target::encapsulation;
    floor.verdict.clear();
    const std::vector<Case> cases{
        floor, established_case("ipip_established_1", tunnel_service, 1),
        established_case("ipip_established_1m", tunnel_service, many_flows)};
    open_flows(bench, cases.back(), tunnel_service);
    record(measurements(bench, cases), figures);
}

void measure_ipv6(Figures& figures) {
    PacketPath path(4 * many_flows);  // two cells each
    add_service(path, nat_service_v6, SHOAL_METHOD_NAT, 0, 3);
    add_service(path, direct_service_v6, SHOAL_METHOD_DIRECT, 1, 3);
    add_service(path, tunnel_service_v6, SHOAL_METHOD_TUNNEL, 2, 3);
    PacketBench bench(path, Hook::xdp);
    std::vector<Case> cases{established_case("nat6_established_1", nat_service_v6, 1),
                            established_case("dr6_established_1", direct_service_v6, 1),
                            established_case("ipip6_established_1", tunnel_service_v6, 1)};
    open_flows(bench, cases[0], nat_service_v6);
    open_flows(bench, cases[1], direct_service_v6);
    cases.push_back(established_case("ipip6_established_1m", tunnel_service_v6, many_flows));
    open_flows(bench, cases.back(), tunnel_service_v6);
    record(measurements(bench, cases), figures);
}

}  // namespace shoal::bench

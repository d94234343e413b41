#include "tunnel_network.h"

#include <fmt/format.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace shoal::ipvs {
namespace {

using model::TunnelType;
using net::testing::Capture;
using net::testing::Namespace;

// Real servers, by tunnel: 2 and on.
constexpr const char* director_links = R"(
ip addr add 10.11.0.1/24 dev wan0
ip addr add 10.12.0.1/24 dev lan0
ip addr add 2001:db8:11::1/64 dev wan0 nodad
ip addr add 2001:db8:12::1/64 dev lan0 nodad
for last in 2 3 4; do
  ip neigh add 10.12.0.$last dev lan0 lladdr 02:00:00:00:12:02 nud permanent
  ip neigh add 2001:db8:12::$last dev lan0 lladdr 02:00:00:00:12:02 nud permanent
done
)";

constexpr const char* client_links = R"(
ip addr add 10.11.0.2/24 dev wan
ip addr add 10.13.0.2/24 dev back
ip addr add 2001:db8:11::2/64 dev wan nodad
ip addr add 2001:db8:13::2/64 dev back nodad
ip route add 198.18.0.0/24 via 10.11.0.1
ip route add 2001:db8:80::/64 via 2001:db8:11::1
)";

constexpr const char* server_links = R"(
ip link set lan address 02:00:00:00:12:02
for last in 2 3 4; do
  ip addr add 10.12.0.$last/24 dev lan
  ip addr add 2001:db8:12::$last/64 dev lan nodad
done
ip addr add 10.13.0.1/24 dev back
ip addr add 2001:db8:13::1/64 dev back nodad
ip route add 10.11.0.0/24 via 10.13.0.2
ip route add 2001:db8:11::/64 via 2001:db8:13::2
)";

// GRE's devices take both families. What comes in by GUE goes on to the device of what it holds.
constexpr const char* server_tunnels = R"(
ip link add ipip type ipip local 10.12.0.2
ip link add sit type sit local 10.12.0.2
ip link add ip6tnl type ip6tnl mode any local 2001:db8:12::2
ip link add gre type gre local 10.12.0.3
ip link add ip6gre type ip6gre local 2001:db8:12::3
ip fou add port 6080 gue
ip -6 fou add port 6080 gue
ip link add gue-ipip type ipip local 10.12.0.4
ip link add gue-sit type sit local 10.12.0.4
ip link add gue-ip6tnl type ip6tnl mode any local 2001:db8:12::4
for device in ipip sit ip6tnl gre ip6gre gue-ipip gue-sit gue-ip6tnl; do
  ip link set $device up
done
)";

/// Shell commands, all of which must succeed.
void run(const Namespace& where, const std::string& commands) {
    const Visit visit(where);
    net::testing::run("set -e\n" + commands);
}

void link(const Namespace& one, const std::string& device, const Namespace& other,
          const std::string& far_device) {
    run(one, fmt::format("ip link add {} type veth peer name {} netns {}\nip link set {} up",
                         device, far_device, other.path(), device));
    run(other, fmt::format("ip link set {} up", far_device));
}

net::Address address(const std::string& text) {
    return net::Address::parse(text).value();
}

/// Empty for what tells of no loss.
std::string loss(const std::string& counter, const std::string& count) {
    const bool error = counter.ends_with("Errors") || counter.ends_with("Errs");
    const bool incoming = counter.find("In") != std::string::npos;
    return error && incoming && count != "0" ? fmt::format("{} {}\n", counter, count) : "";
}

/// Pairs of lines: names, and what was counted. TCP's are of both families.
std::string lost_by_ipv4() {
    std::ifstream lines("/proc/thread-self/net/snmp");
    std::string losses;
    for (std::string names, counts; getline(lines, names) && getline(lines, counts);) {
        std::istringstream each_name(names);
        std::istringstream each_count(counts);
        for (std::string name, count; each_name >> name && each_count >> count;)
            losses += loss(name, count);
    }
    return losses;
}

std::string lost_by_ipv6() {
    std::ifstream counters("/proc/thread-self/net/snmp6");
    std::string losses;
    for (std::string name, count; counters >> name >> count;)
        losses += loss(name, count);
    return losses;
}

std::string lost_by_devices() {
    std::ifstream lines("/proc/thread-self/net/dev");
    std::string losses;
    for (std::string line; getline(lines, line);) {
        std::istringstream words(line);
        std::string device;
        std::uint64_t bytes = 0;
        std::uint64_t packets = 0;
        std::uint64_t errors = 0;
        std::uint64_t drops = 0;
        if (words >> device >> bytes >> packets >> errors >> drops && errors + drops != 0)
            losses += fmt::format("{} errors {} drops {}\n", device, errors, drops);
    }
    return losses;
}

Capture capture(const Namespace& where, std::uint16_t ether_type) {
    const Visit visit(where);
    return {if_nametoindex("lan"), ether_type};
}

}  // namespace

std::string Way::name() const {
    const char* const names[] = {"ipip", "gre", "gue"};
    return fmt::format("{}_{}in{}", names[static_cast<int>(tunnel)], inner_v6 ? 6 : 4,
                       outer_v6 ? 6 : 4);
}

void PrintTo(const Way& way, std::ostream* out) {
    *out << way.name();
}

std::size_t Way::overhead() const {
    const std::size_t header = outer_v6 ? 40 : 20;
    if (tunnel == TunnelType::ipip) return header;
    return tunnel == TunnelType::gre ? header + 4 : header + 12;
}

std::uint8_t Way::protocol() const {
    if (tunnel == TunnelType::gre) return IPPROTO_GRE;
    if (tunnel == TunnelType::gue) return IPPROTO_UDP;
    return inner_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

net::Address Way::real_server() const {
    const int last = 2 + static_cast<int>(tunnel);
    return address((outer_v6 ? "2001:db8:12::" : "10.12.0.") + std::to_string(last));
}

std::vector<Way> every_way() {
    std::vector<Way> ways;
    for (const auto tunnel : {TunnelType::ipip, TunnelType::gre, TunnelType::gue}) {
        for (const bool inner_v6 : {false, true}) {
            for (const bool outer_v6 : {false, true})
                ways.push_back({tunnel, inner_v6, outer_v6});
        }
    }
    return ways;
}

TunnelNetwork::TunnelNetwork() {
    // Namespace::create() left this thread in the one that was made last.
    director_.enter();
    link(director_, "wan0", client_, "wan");
    link(director_, "lan0", server_, "lan");
    link(server_, "back", client_, "back");
    run(director_, director_links);
    run(client_, client_links);
    run(server_, server_links);
    run(server_, server_tunnels);
}

net::Address TunnelNetwork::add_virtual_address(bool v6) {
    const std::string text =
        (v6 ? "2001:db8:80::" : "198.18.0.") + std::to_string(++virtual_addresses_);
    run(server_, fmt::format("ip addr add {} dev lo {}", text, v6 ? "nodad" : ""));
    return address(text);
}

void TunnelNetwork::set_offloads(bool on) const {
    run(director_, fmt::format("ethtool -K lan0 tx {} >/dev/null", on ? "on" : "off"));
}

std::string TunnelNetwork::losses() const {
    const Visit visit(server_);
    return lost_by_devices() + lost_by_ipv4() + lost_by_ipv6();
}

TunnelWatch::TunnelWatch(const TunnelNetwork& network, const Way& way)
    : way_(way), capture_(capture(network.server(), way.outer_v6 ? ETH_P_IPV6 : ETH_P_IP)) {}

std::size_t TunnelWatch::next() const {
    const std::size_t protocol = sizeof(ethhdr) + (way_.outer_v6 ? 6 : 9);
    for (;;) {
        const auto frame = capture_.next();
        if (frame.size() <= protocol) return 0;
        if (frame[protocol] == std::byte{way_.protocol()}) return frame.size() - sizeof(ethhdr);
    }
}

}  // namespace shoal::ipvs

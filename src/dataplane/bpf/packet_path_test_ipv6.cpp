#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <random>
#include <set>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"
#include "dataplane/bpf/testing/service_options.h"

// The programs of IPv6: forwarding byte for byte, and what differs from IPv4 in records and tables.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"2001:db8:1::7", 40000};
constexpr Endpoint vip{"2001:db8:80::80", 80};
constexpr Endpoint real{"2001:db8:a::1", 8080};
constexpr std::string_view other_real = "2001:db8:a::2";

RealServer server(std::string_view address = real.address, std::uint16_t port = real.port,
                  shoal_method method = SHOAL_METHOD_NAT) {
    return {.address = std::string(address), .port = port, .method = method};
}

class Ipv6 : public ::testing::TestWithParam<Hook> {
  protected:
    PacketPath path;

    void expect_sent(const PacketBuilder& in, const PacketBuilder& out) {
        const auto outcome = path.run(GetParam(), in);
        EXPECT_TRUE(outcome.action == xdp_redirect || outcome.action == tc_redirect)
            << outcome.action << ' ' << outcome.verdict;
        EXPECT_EQ(outcome.packet, out.build());
    }
    std::string verdict(const PacketBuilder& packet) {
        return path.run(GetParam(), packet).verdict;
    }
    std::uint32_t used_cells() const { return path.cells() - 1 - path.free_cells(); }
};

TEST_P(Ipv6, tcp_goes_to_the_real_servers_address_and_port) {
    path.serve({server()});
    expect_sent(PacketBuilder::tcp(client, vip, syn),
                PacketBuilder::tcp(client, real, syn).ttl(63).macs(server_mac, director_mac));
    expect_sent(PacketBuilder::tcp(client, vip, ack).ttl(2),
                PacketBuilder::tcp(client, real, ack).ttl(1).macs(server_mac, director_mac));
    const auto addresses = path.addresses_of(path.only_connection());
    EXPECT_EQ(addresses.client, client.address);
    EXPECT_EQ(addresses.virtual_server, vip.address);
    EXPECT_EQ(addresses.real_server, real.address);
    EXPECT_EQ(used_cells(), 2U);
}

TEST_P(Ipv6, checksums_hold_for_random_packets) {
    path.serve({server()}, SHOAL_SCHEDULER_RR, 17);
    std::mt19937 random(1);  // the same packets each time
    for (int i = 0; i < 1000; ++i) {
        const Endpoint from{client.address, static_cast<std::uint16_t>(1024 + random() % 50)};
        const auto hops = static_cast<std::uint8_t>(2 + random() % 254);
        Bytes payload(random() % 40);
        for (auto& byte : payload)
            byte = static_cast<std::uint8_t>(random());
        expect_sent(PacketBuilder::udp(from, vip).ttl(hops).tos(0xb8).payload(payload),
                    PacketBuilder::udp(from, real)
                        .ttl(static_cast<std::uint8_t>(hops - 1))
                        .tos(0xb8)
                        .payload(payload)
                        .macs(server_mac, director_mac));
        if (HasFailure()) return;
    }
}

TEST_P(Ipv6, a_datagram_without_the_checksum_that_it_must_have_stays_so) {
    path.serve({server()}, SHOAL_SCHEDULER_RR, 17);
    expect_sent(
        PacketBuilder::udp(client, vip).no_checksum(),
        PacketBuilder::udp(client, real).no_checksum().ttl(63).macs(server_mac, director_mac));
}

TEST_P(Ipv6, direct_routing_changes_only_macs_and_hop_limit) {
    path.serve({server(real.address, 80, SHOAL_METHOD_DIRECT)});
    for (const std::uint8_t flags : {syn, ack})
        expect_sent(PacketBuilder::tcp(client, vip, flags),
                    PacketBuilder::tcp(client, vip, flags).ttl(63).macs(server_mac, director_mac));
}

TEST_P(Ipv6, clients_that_differ_in_one_bit_have_connections_of_their_own) {
    path.serve({server()});
    for (int bit = 3; bit < 128; bit += 5) {
        Bytes address{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
        address[static_cast<std::size_t>(bit / 8)] ^= static_cast<std::uint8_t>(1 << bit % 8);
        std::array<char, 40> text{};
        std::snprintf(text.data(), text.size(), "%x:%x:%x:%x:%x:%x:%x:%x",
                      address[0] << 8 | address[1], address[2] << 8 | address[3],
                      address[4] << 8 | address[5], address[6] << 8 | address[7],
                      address[8] << 8 | address[9], address[10] << 8 | address[11],
                      address[12] << 8 | address[13], address[14] << 8 | address[15]);
        EXPECT_EQ(verdict(PacketBuilder::tcp({text.data(), 40000}, vip, syn)), "new_connection")
            << text.data();
        EXPECT_EQ(verdict(PacketBuilder::tcp({text.data(), 40000}, vip, ack)), "forwarded");
    }
    EXPECT_EQ(path.live().size(), 25U);
}

TEST_P(Ipv6, a_flow_is_not_taken_for_one_of_ipv4_that_nobody_may_send) {
    path.serve({server()}, SHOAL_SCHEDULER_RR, 17);
    const auto v4 = path.add_service("192.0.2.80", 80, SHOAL_SCHEDULER_RR, 17);
    path.set_pool(v4, {{path.add_server(v4, {"10.0.9.9"}), 1}});
    const auto send = [&](std::uint16_t port) {
        return verdict(PacketBuilder::udp({client.address, port}, vip));
    };
    EXPECT_EQ(send(1000), "new_connection");
    EXPECT_EQ(verdict(PacketBuilder::udp({"255.255.255.255", 2000}, {"192.0.2.80", 80})),
              "martian");
    EXPECT_EQ(send(2000), "new_connection");
    EXPECT_EQ(send(1000), "forwarded");
    EXPECT_EQ(send(2000), "forwarded");
}

TEST_P(Ipv6, both_cells_of_a_connection_are_freed) {
    path.serve({server()});
    path.run(GetParam(), PacketBuilder::tcp(client, vip, syn));
    EXPECT_EQ(path.active(0), 1U);
    path.age(100);
    ASSERT_TRUE(path.sweep());
    EXPECT_EQ(path.active(0), 0U);
    EXPECT_TRUE(path.live().empty());
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack)).verdict, "no_connection");
}

TEST_P(Ipv6, a_full_table_keeps_no_half_of_a_connection) {
    pin_to_cpu(0);
    PacketPath small(64);
    const auto service = small.add_service(std::string(vip.address), 80, SHOAL_SCHEDULER_RR);
    small.set_pool(service, {{small.add_server(service, server()), 1}});
    for (std::uint16_t port = 1; port <= 40; ++port)
        small.run(GetParam(), PacketBuilder::tcp({client.address, port}, vip, syn));
    // Some may have been reclaimed, if this took long.
    EXPECT_LE(small.live().size(), 31U);
    EXPECT_GT(small.verdicts().at("table_full"), 0U);
    EXPECT_EQ(small.active(0), small.live().size());
    small.age(100);
    ASSERT_TRUE(small.sweep());
    EXPECT_EQ(small.free_cells(), small.cells() - 1);
}

TEST_P(Ipv6, connections_of_one_client_port_go_past_full_buckets) {
    const auto service = path.add_service(std::string(vip.address), 81, SHOAL_SCHEDULER_RR);
    const auto one = path.add_server(service, server(real.address, 0));
    path.set_pool(service, {{one, 1}});
    add_ports(path, service, std::string(vip.address), 1000, 1999);
    for (std::uint16_t port = 1000; port < 1040; ++port) {
        const Endpoint to{vip.address, port};
        EXPECT_EQ(verdict(PacketBuilder::tcp(client, to, syn)), "new_connection");
        EXPECT_EQ(verdict(PacketBuilder::tcp(client, to, ack)), "forwarded");
    }
    EXPECT_EQ(path.live().size(), 40U);
    EXPECT_EQ(path.overflow_entries(), 2U * (40 - 16));
    path.age(1000);
    ASSERT_TRUE(path.sweep());
    EXPECT_EQ(path.overflow_entries(), 0U);
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
}

TEST_P(Ipv6, both_families_share_the_table) {
    path.serve({server()});
    const auto v4 = path.add_service("192.0.2.80", 80, SHOAL_SCHEDULER_RR);
    path.set_pool(v4, {{path.add_server(v4, {"10.0.0.1", 8080}), 1}});
    const Endpoint v4_client{"198.51.100.7", 40000}, v4_vip{"192.0.2.80", 80};
    for (const auto& packet :
         {PacketBuilder::tcp(client, vip, syn), PacketBuilder::tcp(v4_client, v4_vip, syn)})
        EXPECT_EQ(verdict(packet), "new_connection");
    for (const auto& packet :
         {PacketBuilder::tcp(client, vip, ack), PacketBuilder::tcp(v4_client, v4_vip, ack)})
        EXPECT_EQ(verdict(packet), "forwarded");
    EXPECT_EQ(used_cells(), 3U);
    path.age(1000);
    ASSERT_TRUE(path.sweep());
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
}

TEST_P(Ipv6, templates_bind_the_clients_network) {
    const auto service = path.serve({server(), server(other_real)});
    set_persistence(path, service, 300, 68);
    const auto open = [&](std::string_view from) {
        return path
            .run(GetParam(),
                 PacketBuilder::tcp({from, static_cast<std::uint16_t>(50000)}, vip, syn))
            .packet;
    };
    const auto to = [&](std::string_view from, std::string_view where) {
        return PacketBuilder::tcp({from, 50000}, {where, 8080}, syn)
            .ttl(63)
            .macs(server_mac, director_mac)
            .build();
    };
    const auto first = open("2001:db8:5:0:1000::1");
    const bool to_one = first == to("2001:db8:5:0:1000::1", real.address);
    const auto mine = to_one ? real.address : other_real;
    const auto others = to_one ? other_real : real.address;
    for (const auto from : {"2001:db8:5:0:1fff::1", "2001:db8:5:0:1000:ffff::"})
        EXPECT_EQ(open(from), to(from, mine)) << from;
    EXPECT_EQ(open("2001:db8:5:0:2000::1"), to("2001:db8:5:0:2000::1", others));
    EXPECT_EQ(templates(path).size(), 2U);
    std::set<std::string> networks;
    for (const auto* one : templates(path))
        networks.insert(path.addresses_of(*one).client);
    EXPECT_EQ(networks, (std::set<std::string>{"2001:db8:5:0:1000::", "2001:db8:5:0:2000::"}));
}

TEST_P(Ipv6, access_lists_keep_prefixes_out) {
    const auto service = path.serve({server()});
    add_access(path, service, "2001:db8:1::", 48, false);
    add_access(path, service, "2001:db8:1::8", 128, true);
    EXPECT_EQ(verdict(PacketBuilder::tcp(client, vip, syn)), "denied");
    EXPECT_EQ(verdict(PacketBuilder::tcp({"2001:db8:1::8", 1}, vip, syn)), "new_connection");
    EXPECT_EQ(verdict(PacketBuilder::tcp({"2001:db8:2::7", 1}, vip, syn)), "new_connection");
}

TEST_P(Ipv6, addresses_that_no_client_has_open_nothing) {
    path.serve({server()});
    for (const auto from : {"::", "::1", "ff02::1", "::ffff:198.51.100.7", "2001:db8:80::80"})
        EXPECT_EQ(verdict(PacketBuilder::tcp({from, 40000}, vip, syn)), "martian") << from;
    EXPECT_EQ(verdict(PacketBuilder::tcp({"::2", 40000}, vip, syn)), "new_connection");
}

TEST_P(Ipv6, what_is_not_for_a_virtual_server_passes) {
    path.serve({server()});
    const auto expect_passed = [&](const PacketBuilder& packet, const std::string& why) {
        const auto in = packet.build();
        const auto outcome = path.run(GetParam(), in);
        EXPECT_EQ(outcome.action, GetParam() == Hook::tc ? tc_unspec : xdp_pass);
        EXPECT_EQ(outcome.packet, in);
        EXPECT_EQ(outcome.verdict, GetParam() == Hook::tc ? why : "passed_up");
    };
    expect_passed(PacketBuilder::tcp(client, {"2001:db8:99::1", 80}, syn), "foreign");
    expect_passed(PacketBuilder::tcp(client, {vip.address, 81}, syn), "no_service");
    expect_passed(PacketBuilder::tcp(client, vip, ack), "no_connection");
    expect_passed(PacketBuilder::tcp(real, client, ack), "not_ours");
    // Neighbour solicitation, and an echo request.
    expect_passed(PacketBuilder::icmp("fe80::1", vip.address, 135, 0, 0, Bytes(24)),
                  "not_balanced");
    expect_passed(PacketBuilder::icmp(client.address, vip.address, 128, 0, 1, Bytes(8)),
                  "not_balanced");
}

TEST_P(Ipv6, one_packet_scheduling_leaves_nothing_behind) {
    const auto service = path.serve({server(), server(other_real)}, SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(verdict(PacketBuilder::udp(client, vip)),
                  GetParam() == Hook::tc ? "new_connection" : "passed_up");
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
}

TEST_P(Ipv6, sh_spreads_by_the_folded_address) {
    const auto service = path.serve({server(), server(other_real)}, SHOAL_SCHEDULER_SH);
    // The same fold, so the same real server.
    const auto sent_to = [&](std::string_view from) {
        return path.run(GetParam(), PacketBuilder::tcp({from, 1000}, vip, syn)).packet[14 + 39];
    };
    EXPECT_EQ(sent_to("1:2:3:4:5:6:7:8"), sent_to("5:6:1:2:3:4:7:8"));
    EXPECT_EQ(path.service_counters(service).connections, 2U);
}

INSTANTIATE_TEST_SUITE_P(Hooks, Ipv6, ::testing::Values(Hook::tc, Hook::xdp),
                         [](const auto& tested) { return to_string(tested.param); });

TEST(Ipv6Programs, are_not_needed_for_packets_to_pass) {
    PacketPath path;
    path.serve({{"10.0.0.1", 8080}});
    for (const auto hook : {Hook::tc, Hook::xdp}) {
        const auto in = PacketBuilder::tcp(client, vip, syn).build();
        const auto outcome = path.run(hook, in);
        EXPECT_EQ(outcome.action, hook == Hook::tc ? tc_unspec : xdp_pass);
        EXPECT_EQ(outcome.verdict, hook == Hook::tc ? "foreign" : "passed_up");
        EXPECT_EQ(outcome.packet, in);
    }
}

class Ipv6Replies : public ::testing::TestWithParam<Hook> {
  protected:
    Network network;
    PacketPath path;

    void open() {
        path.set_device(network.device(), 1500, network.mac());
        path.serve({server()});
        ASSERT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn)).verdict,
                  "new_connection");
    }
    PacketBuilder reply() const {
        return PacketBuilder::tcp(real, client, syn | ack).macs(network.mac(), server_mac);
    }
    PacketBuilder translated() const { return PacketBuilder::tcp(vip, client, syn | ack).ttl(63); }
};

TEST_P(Ipv6Replies, come_from_the_virtual_server_to_the_neighbour_on_the_way) {
    open();
    network.add_route("2001:db8:1::/48", "2001:db8:31::2");
    network.add_neighbour("2001:db8:31::2", client_mac);
    const auto outcome = path.run(GetParam(), reply().build(), network.device());
    EXPECT_EQ(outcome.verdict, "replied");
    EXPECT_EQ(outcome.action, GetParam() == Hook::tc ? tc_redirect : xdp_tx);
    EXPECT_EQ(outcome.packet, translated().macs(client_mac, network.mac()).build());
    EXPECT_TRUE(path.only_connection().word & SHOAL_WORD_REPLY_SEEN);
    EXPECT_EQ(path.run(GetParam(), reply().build(), network.device()).packet, outcome.packet);
}

TEST_P(Ipv6Replies, to_an_unresolved_neighbour_are_left_to_the_neighbour_code) {
    open();
    network.add_route("2001:db8:1::/48", "2001:db8:31::3");
    const auto in = reply().build();
    const auto outcome = path.run(GetParam(), in, network.device());
    EXPECT_EQ(outcome.verdict, GetParam() == Hook::xdp ? "passed_up" : "replied");
    EXPECT_EQ(outcome.packet,
              GetParam() == Hook::xdp ? in : translated().macs(network.mac(), server_mac).build());
}

TEST_P(Ipv6Replies, to_clients_without_a_route_are_dropped) {
    open();
    const auto outcome = path.run(Hook::tc, reply().build(), network.device());
    EXPECT_EQ(outcome.action, tc_redirect) << "by the device that the client came in by";
    path.only_connection().client_interface = 0;
    EXPECT_EQ(path.run(Hook::tc, reply().build(), network.device()).verdict, "no_route");
}

INSTANTIATE_TEST_SUITE_P(Hooks, Ipv6Replies, ::testing::Values(Hook::tc, Hook::xdp),
                         [](const auto& tested) { return to_string(tested.param); });

TEST(Ipv6Tc, an_unresolved_real_server_is_left_to_the_neighbour_code) {
    PacketPath path;
    auto unresolved = server();
    unresolved.mac_known = false;
    path.serve({unresolved});
    EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::tcp(client, vip, syn)).verdict, "passed_up");
    const auto outcome = path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack));
    EXPECT_EQ(outcome.action, tc_redirect);
    EXPECT_EQ(outcome.verdict, "forwarded");
}

TEST(Ipv6Tc, active_ftp_finds_its_control_connection) {
    Network network;
    PacketPath path;
    const auto service = path.add_service(std::string(vip.address), 21, SHOAL_SCHEDULER_RR);
    path.set_pool(service, {{path.add_server(service, server(real.address, 21)), 1}});
    path.run(Hook::tc, PacketBuilder::tcp(client, {vip.address, 21}, syn));
    ASSERT_EQ(ftp_controls(path).size(), 1U);
    network.add_route("2001:db8:1::/48", "2001:db8:31::2");
    network.add_neighbour("2001:db8:31::2", client_mac);
    const auto outcome = path.run(
        Hook::tc,
        PacketBuilder::tcp({real.address, 20}, client, syn).macs(network.mac(), server_mac).build(),
        network.device());
    EXPECT_EQ(outcome.verdict, "replied");
    EXPECT_EQ(outcome.packet, PacketBuilder::tcp({vip.address, 20}, client, syn)
                                  .ttl(63)
                                  .macs(client_mac, network.mac())
                                  .build());
    EXPECT_EQ(path.live().size(), 2U);
    path.age(1000);
    ASSERT_TRUE(path.sweep());
    EXPECT_TRUE(ftp_controls(path).empty());
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
}

}  // namespace
}  // namespace shoal::dataplane::testing

#include <gtest/gtest.h>

#include "dataplane/bpf/testing/service_options.h"

// Every exit of the packet path, each reached by a packet.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 80};

class Verdicts : public ::testing::Test {
  protected:
    PacketPath path;

    /// At XDP everything that passes is left to tc, which names the verdict.
    void expect(Hook hook, const PacketBuilder& packet, const std::string& verdict,
                std::uint32_t action) {
        const auto in = packet.build();
        const auto outcome = path.run(hook, in);
        EXPECT_EQ(outcome.verdict, verdict) << to_string(hook);
        EXPECT_EQ(outcome.action, action) << to_string(hook);
        if (action == tc_unspec || action == xdp_pass) EXPECT_EQ(outcome.packet, in);
    }
    void expect_passed(const PacketBuilder& packet, const std::string& verdict) {
        expect(Hook::xdp, packet, "passed_up", xdp_pass);
        expect(Hook::tc, packet, verdict, tc_unspec);
    }
    void expect_dropped(const PacketBuilder& packet, const std::string& verdict) {
        expect(Hook::xdp, packet, verdict, xdp_drop);
        expect(Hook::tc, packet, verdict, tc_shot);
    }
    void expect_left_to_tc_and_dropped(const PacketBuilder& packet, const std::string& verdict) {
        expect(Hook::xdp, packet, "passed_up", xdp_pass);
        expect(Hook::tc, packet, verdict, tc_shot);
    }
};

TEST_F(Verdicts, foreign_packets_pass) {
    path.serve({{"10.0.0.1"}});
    expect_passed(PacketBuilder::tcp(client, {"203.0.113.9", 80}, syn), "foreign");
    expect_passed(PacketBuilder::tcp(client, vip, syn).ether_type(0x0806), "foreign");
    expect_passed(PacketBuilder::tcp(client, vip, syn).ether_type(0x86dd), "foreign");
}

TEST_F(Verdicts, frames_for_other_hosts_are_foreign_at_tc) {
    path.serve({{"10.0.0.1"}});
    expect(Hook::tc, PacketBuilder::tcp(client, vip, syn).macs(server_mac, director_mac), "foreign",
           tc_unspec);
}

TEST_F(Verdicts, a_syn_opens_and_later_packets_follow) {
    path.serve({{"10.0.0.1"}});
    for (const auto hook : {Hook::xdp, Hook::tc}) {
        const std::uint32_t sent = hook == Hook::xdp ? xdp_redirect : tc_redirect;
        const Endpoint from{client.address,
                            hook == Hook::xdp ? std::uint16_t{1} : std::uint16_t{2}};
        expect(hook, PacketBuilder::tcp(from, vip, syn), "new_connection", sent);
        expect(hook, PacketBuilder::tcp(from, vip, ack), "forwarded", sent);
    }
}

TEST_F(Verdicts, xdp_transmits_where_the_packet_came_in) {
    path.serve({{.address = "10.0.0.1", .interface = loopback}});
    expect(Hook::xdp, PacketBuilder::tcp(client, vip, syn), "new_connection", xdp_tx);
}

TEST_F(Verdicts, replies_go_to_the_client) {
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    // No route leads to the client here: by the device that its packets come in by.
    expect(Hook::xdp, PacketBuilder::tcp(real, client, syn | ack), "passed_up", xdp_pass);
    expect(Hook::tc, PacketBuilder::tcp(real, client, syn | ack), "replied", tc_redirect);
}

TEST_F(Verdicts, other_protocols_pass) {
    path.serve({{"10.0.0.1"}});
    expect_passed(PacketBuilder::udp(client, vip).protocol(1), "not_balanced");
    expect_passed(PacketBuilder::udp(real, client).protocol(1), "not_balanced");
}

TEST_F(Verdicts, a_port_without_virtual_server_passes) {
    path.serve({{"10.0.0.1"}});
    expect_passed(PacketBuilder::tcp(client, {"192.0.2.80", 81}, syn), "no_service");
    expect_passed(PacketBuilder::udp(client, vip), "no_service");
}

TEST_F(Verdicts, only_a_syn_without_rst_opens) {
    path.serve({{"10.0.0.1"}});
    for (const std::uint8_t flags :
         {ack, fin, rst, std::uint8_t{0}, std::uint8_t(fin | ack), std::uint8_t(syn | rst)})
        expect_passed(PacketBuilder::tcp(client, vip, flags), "no_connection");
    EXPECT_TRUE(path.live().empty());
    std::uint16_t port = 40000;
    for (const std::uint8_t flags :
         {syn, std::uint8_t(syn | ack), std::uint8_t(syn | fin), std::uint8_t(syn | fin | ack)}) {
        const auto packet = PacketBuilder::tcp({client.address, ++port}, vip, flags);
        EXPECT_EQ(path.run(port % 2 ? Hook::xdp : Hook::tc, packet).verdict, "new_connection");
    }
    for (const auto* connection : path.live())
        EXPECT_EQ(connection->word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_SYN_RECV);
    EXPECT_EQ(path.active(0), 4U);
}

TEST_F(Verdicts, traffic_of_real_servers_passes) {
    path.serve({{"10.0.0.1"}});
    expect_passed(PacketBuilder::tcp(real, client, syn), "not_ours");
}

TEST_F(Verdicts, a_removed_server_ends_its_tcp_connections) {
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.server(0).flags &= static_cast<std::uint8_t>(~SHOAL_SERVER_AVAILABLE);
    expect(Hook::xdp, PacketBuilder::tcp(client, vip, ack), "passed_up", xdp_pass);
    EXPECT_EQ(path.active(0), 1U);
    expect(Hook::tc, PacketBuilder::tcp(client, vip, ack), "server_gone", tc_unspec);
    EXPECT_EQ(path.load(0), 0U);
    EXPECT_TRUE(path.live().empty());
}

TEST_F(Verdicts, a_removed_servers_clients_go_elsewhere_by_syn_or_datagram) {
    for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}}) {
        for (const auto hook : {Hook::xdp, Hook::tc}) {
            PacketPath fresh;
            const auto service = fresh.serve({{"10.0.0.1"}}, SHOAL_SCHEDULER_RR, protocol);
            const auto packet = protocol == 6 ? PacketBuilder::tcp(client, vip, syn)
                                              : PacketBuilder::udp(client, vip);
            fresh.run(hook, packet);
            fresh.server(0).flags &= static_cast<std::uint8_t>(~SHOAL_SERVER_AVAILABLE);
            const auto other = fresh.add_server(service, {"10.0.0.2"});
            fresh.set_pool(service, {{other, 1}});
            EXPECT_EQ(fresh.run(hook, packet).verdict, "new_connection");
            EXPECT_EQ(fresh.only_connection().server, other);
            EXPECT_EQ(fresh.load(0), 0U);
        }
    }
}

TEST_F(Verdicts, no_usable_server_drops) {
    const auto service = path.serve({{"10.0.0.1"}});
    path.set_pool(service, {{0, 0}});
    expect_dropped(PacketBuilder::tcp(client, vip, syn), "no_server");
    path.set_pool(service, {});
    expect_dropped(PacketBuilder::tcp(client, vip, syn), "no_server");
}

TEST_F(Verdicts, clients_kept_out_are_denied) {
    add_access(path, path.serve({{"10.0.0.1"}}), "198.51.100.0", 24, false);
    expect_dropped(PacketBuilder::tcp(client, vip, syn), "denied");
    EXPECT_TRUE(path.live().empty());
}

TEST_F(Verdicts, no_route_drops) {
    path.serve({{.address = "10.0.0.1", .interface = 0}});
    expect_dropped(PacketBuilder::tcp(client, vip, syn), "no_route");
    EXPECT_TRUE(path.live().empty());
    path.server(0).interface = elsewhere;
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.server(0).interface = 0;
    expect_dropped(PacketBuilder::tcp(client, vip, ack), "no_route");
    path.only_connection().client_interface = 0;
    expect_left_to_tc_and_dropped(PacketBuilder::tcp(real, client, ack), "no_route");
}

TEST_F(Verdicts, a_fragment_ahead_of_its_first_is_dropped) {
    path.serve({{"10.0.0.1"}});
    expect_left_to_tc_and_dropped(PacketBuilder::tcp(client, vip, ack).fragment(185, false),
                                  "early_fragment");
}

TEST_F(Verdicts, a_real_servers_fragment_of_nothing_known_passes) {
    path.serve({{"10.0.0.1"}});
    expect_passed(PacketBuilder::tcp(real, client, ack).fragment(185, true), "not_balanced");
    path.settings().fragment_holder = loopback;  // where this test's packets come from
    expect_passed(PacketBuilder::tcp(real, client, ack).fragment(185, true), "not_balanced");
}

TEST_F(Verdicts, a_fragment_ahead_of_its_first_goes_out_to_be_held_and_is_dropped_when_it_is_back) {
    path.serve({{"10.0.0.1"}});
    const auto early = PacketBuilder::tcp(client, vip, ack).fragment(185, false);
    path.settings().fragment_holder = elsewhere;
    const auto held = path.run(Hook::tc, early);
    EXPECT_EQ(held.verdict, "fragment_held");
    EXPECT_EQ(held.action, tc_redirect);
    auto same = early;
    EXPECT_EQ(held.packet, same.build());
    EXPECT_EQ(path.run(Hook::xdp, early).verdict, "passed_up");
    path.settings().fragment_holder = loopback;  // where this test's packets come from
    expect_left_to_tc_and_dropped(early, "early_fragment");
}

TEST_F(Verdicts, fragments_of_what_is_passed_pass_too) {
    path.serve({{"10.0.0.1"}});
    expect_passed(PacketBuilder::tcp(client, {"192.0.2.80", 81}, syn).fragment(0, true),
                  "no_service");
    expect_passed(PacketBuilder::tcp(client, vip, ack).fragment(185, true), "not_balanced");
    expect_passed(PacketBuilder::tcp(real, client, ack).fragment(0, true), "not_ours");
    expect_passed(PacketBuilder::tcp(real, client, ack).fragment(185, false), "not_balanced");
    expect_passed(
        PacketBuilder::icmp(client.address, vip.address, 8, 0, 1, Bytes(8)).fragment(185, false),
        "not_balanced");
}

TEST_F(Verdicts, vlan_tagged_frames_are_foreign) {
    path.serve({{"10.0.0.1"}});
    for (const auto& packet : {PacketBuilder::tcp(client, vip, syn).build(),
                               PacketBuilder::tcp(real, client, ack).build()}) {
        auto tagged = packet;
        const Bytes tag{0x81, 0x00, 0x00, 0x05};
        tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
        for (const auto hook : {Hook::xdp, Hook::tc}) {
            const auto outcome = path.run(hook, tagged);
            EXPECT_EQ(outcome.verdict, hook == Hook::tc ? "foreign" : "passed_up");
            EXPECT_EQ(outcome.packet, tagged);
        }
    }
}

TEST_F(Verdicts, cut_or_inconsistent_headers_are_dropped) {
    path.serve({{"10.0.0.1"}});
    for (const auto& packet : {PacketBuilder::tcp(client, vip, syn).cut_to(14 + 20 + 19),
                               PacketBuilder::tcp(client, vip, syn).cut_to(14 + 20 + 7),
                               PacketBuilder::tcp(client, vip, syn).total_length(39),
                               PacketBuilder::tcp(client, vip, syn).total_length(1000),
                               PacketBuilder::tcp(client, vip, syn).version(6)})
        expect_dropped(packet, "truncated");
}

TEST_F(Verdicts, a_service_that_names_no_server_record_is_internal) {
    const auto service = path.serve({{"10.0.0.1"}});
    const_cast<shoal_pool_node&>(path.nodes(service)[1]).server[0] = SHOAL_USUAL_SERVERS;
    expect_dropped(PacketBuilder::tcp(client, vip, syn), "internal");
}

TEST_F(Verdicts, a_full_table_drops_new_connections_only) {
    pin_to_cpu(0);
    PacketPath small(64);
    small.serve({{"10.0.0.1"}});
    std::string verdict;
    std::uint16_t port = 1024;
    while (verdict != "table_full") {
        ASSERT_LE(++port, 1024 + 64);
        verdict =
            small.run(Hook::xdp, PacketBuilder::tcp({client.address, port}, vip, syn)).verdict;
        small.run(Hook::xdp, PacketBuilder::tcp({client.address, port}, vip, ack));
    }
    EXPECT_EQ(port, 1024 + 64) << "63 cells: number 0 is never used";
    EXPECT_EQ(small.run(Hook::tc, PacketBuilder::tcp({client.address, port}, vip, syn)).verdict,
              "table_full");
    EXPECT_EQ(small.run(Hook::tc, PacketBuilder::tcp({client.address, 1025}, vip, ack)).verdict,
              "forwarded");
    EXPECT_EQ(small.active(0), 63U);
}

TEST_F(Verdicts, xdp_leaves_unresolved_next_hops_to_tc_but_schedules) {
    path.serve({{.address = "10.0.0.1", .mac_known = false}, {"10.0.0.2"}});
    const auto packet = PacketBuilder::tcp(client, vip, syn);
    expect(Hook::xdp, packet, "passed_up", xdp_pass);
    EXPECT_EQ(path.only_connection().server, 0U);
    expect(Hook::tc, packet, "forwarded", tc_redirect);
    EXPECT_EQ(path.only_connection().server, 0U);
    EXPECT_EQ(path.server_counters(0).packets_in, 1U);
    EXPECT_EQ(path.server_counters(0).connections, 1U);
}

TEST_F(Verdicts, a_client_that_shares_a_filter_bit_gets_its_replies) {
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.set_filter_bit(true, std::string(client.address));
    expect(Hook::tc, PacketBuilder::tcp(real, client, syn | ack), "replied", tc_redirect);
    expect(Hook::tc, PacketBuilder::tcp({"10.0.0.1", 81}, client, syn | ack), "no_service",
           tc_unspec);
}

}  // namespace
}  // namespace shoal::dataplane::testing

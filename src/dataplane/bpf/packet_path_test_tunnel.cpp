#include <gtest/gtest.h>

#include "dataplane/bpf/testing/packet_path.h"

// Tunneling and local node: the outer headers byte for byte, what is too large, and what the
// director itself serves.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Mac sender_mac{0x02, 0, 0, 0, 0, 0x01};
constexpr Mac own_mac{};  // of the loopback device, which test runs come in by

void put16(Bytes& bytes, std::size_t at, std::size_t value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

std::size_t get16(const Bytes& bytes, std::size_t at) {
    return static_cast<std::size_t>(bytes[at] << 8 | bytes[at + 1]);
}

struct Outer {
    std::uint8_t protocol = 4;
    std::uint8_t service = 0;
    std::uint8_t ttl = 63;
    bool dont_fragment = false;
    /// Between the IP header and the inner packet.
    Bytes between{};
};

std::size_t overhead(shoal_tunnel tunnel) {
    switch (tunnel) {
        case SHOAL_TUNNEL_GRE:
            return 24;
        case SHOAL_TUNNEL_GUE:
            return 32;
        default:
            return 20;
    }
}

/// `inner` as it is sent, in a packet from 10.0.0.254 to 10.0.0.1.
Bytes in_tunnel(const PacketBuilder& inner, const Outer& outer) {
    const Bytes frame = inner.build();
    Bytes header{0x45, outer.service, 0,  0, 0, 0, 0, 0, outer.ttl, outer.protocol, 0, 0, 10, 0,
                 0,    254,           10, 0, 0, 1};
    put16(header, 2, 20 + outer.between.size() + frame.size() - 14);
    // The inner identification (0x1234) and the client's address, both halves.
    if (outer.dont_fragment) {
        put16(header, 6, 0x4000);
    } else {
        put16(header, 4, 0x1234 ^ (198 << 8 | 51) ^ (100 << 8 | 7));
    }
    put16(header, 10, internet_checksum(header));
    Bytes whole(frame.begin(), frame.begin() + 14);
    whole.insert(whole.end(), header.begin(), header.end());
    whole.insert(whole.end(), outer.between.begin(), outer.between.end());
    whole.insert(whole.end(), frame.begin() + 14, frame.end());
    return whole;
}

/// UDP and GUE before `inner` of this client.
Bytes gue_headers(const PacketBuilder& inner) {
    Bytes headers{0, 0, 0x17, 0xc0, 0, 0, 0, 0, 0, 4, 0, 0};  // to port 6080; IPv4 follows
    put16(headers, 0, 0xc000 | ((198 << 8 | 51) ^ (100 << 8 | 7) ^ client.port));
    put16(headers, 4, 12 + inner.build().size() - 14);
    return headers;
}

class Tunnel : public ::testing::TestWithParam<Hook> {
  protected:
    PacketPath path;

    void serve(shoal_tunnel tunnel, std::uint32_t mtu = 0, std::uint8_t protocol = 6) {
        path.serve(
            {{.address = "10.0.0.1", .method = SHOAL_METHOD_TUNNEL, .tunnel = tunnel, .mtu = mtu}},
            SHOAL_SCHEDULER_RR, protocol);
    }
    void expect_sent(const PacketBuilder& in, const Bytes& out, const std::string& verdict) {
        const auto outcome = path.run(GetParam(), in);
        EXPECT_TRUE(outcome.action == xdp_redirect || outcome.action == tc_redirect)
            << outcome.action;
        EXPECT_EQ(outcome.verdict, verdict);
        EXPECT_EQ(outcome.packet, out);
    }
    static PacketBuilder inner(std::uint8_t flags) {
        return PacketBuilder::tcp(client, vip, flags).ttl(63).macs(server_mac, director_mac);
    }
};

TEST_P(Tunnel, ipip_puts_an_ip_header_before_the_packet) {
    serve(SHOAL_TUNNEL_IPIP);
    expect_sent(PacketBuilder::tcp(client, vip, syn), in_tunnel(inner(syn), {}), "new_connection");
    expect_sent(PacketBuilder::tcp(client, vip, ack), in_tunnel(inner(ack), {}), "forwarded");
    EXPECT_EQ(path.only_connection().method, SHOAL_METHOD_TUNNEL);
    EXPECT_EQ(path.only_connection().word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_ESTABLISHED);
    EXPECT_EQ(path.server_counters(0).packets_in, 2U);
    EXPECT_EQ(path.server_counters(0).bytes_in, 90U) << "of the inner packets, as IPVS counts";
    EXPECT_EQ(path.server_counters(0).connections, 1U);
}

TEST_P(Tunnel, gre_puts_its_header_behind_that) {
    serve(SHOAL_TUNNEL_GRE);
    const Outer outer{.protocol = 47, .between = {0, 0, 8, 0}};
    expect_sent(PacketBuilder::tcp(client, vip, syn), in_tunnel(inner(syn), outer),
                "new_connection");
    expect_sent(PacketBuilder::tcp(client, vip, ack), in_tunnel(inner(ack), outer), "forwarded");
}

TEST_P(Tunnel, gue_goes_by_udp_from_a_port_of_the_flow) {
    serve(SHOAL_TUNNEL_GUE);
    const Outer outer{.protocol = 17, .between = gue_headers(inner(syn))};
    expect_sent(PacketBuilder::tcp(client, vip, syn), in_tunnel(inner(syn), outer),
                "new_connection");
    expect_sent(PacketBuilder::tcp(client, vip, ack), in_tunnel(inner(ack), outer), "forwarded");
}

TEST_P(Tunnel, the_outer_header_takes_over_time_to_live_service_and_dont_fragment) {
    serve(SHOAL_TUNNEL_IPIP);
    path.run(GetParam(), PacketBuilder::tcp(client, vip, syn));
    const auto sent = [](std::uint8_t service) {
        return PacketBuilder::tcp(client, vip, ack).ttl(7).tos(service).dont_fragment();
    };
    const auto expected = [&](std::uint8_t service, std::uint8_t outside) {
        return in_tunnel(sent(service).ttl(6).macs(server_mac, director_mac),
                         {.service = outside, .ttl = 6, .dont_fragment = true});
    };
    expect_sent(sent(0xb8), expected(0xb8, 0xb8), "forwarded");
    expect_sent(sent(0x02), expected(0x02, 0x02), "forwarded");
    // RFC 3168: congestion that was met before the tunnel is no news of the tunnel.
    expect_sent(sent(0xbb), expected(0xbb, 0xba), "forwarded");
    expect_sent(sent(0x01), expected(0x01, 0x01), "forwarded");
}

TEST_P(Tunnel, outer_checksums_hold_for_many_lengths) {
    serve(SHOAL_TUNNEL_GRE, 0, 17);
    for (std::size_t length = 1; length < 1400; length += 13) {
        const auto in = PacketBuilder::udp(client, vip).payload(Bytes(length, 0xa5));
        const auto outcome = path.run(GetParam(), in);
        auto inside = in;
        EXPECT_EQ(outcome.packet, in_tunnel(inside.ttl(63).macs(server_mac, director_mac),
                                            {.protocol = 47, .between = {0, 0, 8, 0}}))
            << length;
    }
}

TEST_P(Tunnel, one_packet_scheduling_goes_through_tunnels) {
    serve(SHOAL_TUNNEL_IPIP, 0, 17);
    path.service(0).flags = SHOAL_SERVICE_ONE_PACKET;
    const auto in = PacketBuilder::udp(client, vip);
    auto inside = in;
    if (GetParam() == Hook::xdp)
        EXPECT_EQ(path.run(Hook::xdp, in).verdict, "passed_up");
    else
        expect_sent(in, in_tunnel(inside.ttl(63).macs(server_mac, director_mac), {}),
                    "new_connection");
    EXPECT_TRUE(path.live().empty());
    EXPECT_EQ(path.server_counters(0).connections, GetParam() == Hook::tc ? 1U : 0U);
}

TEST_P(Tunnel, what_fits_exactly_is_sent) {
    for (const auto tunnel : {SHOAL_TUNNEL_IPIP, SHOAL_TUNNEL_GRE, SHOAL_TUNNEL_GUE}) {
        PacketPath other;
        other.serve({{.address = "10.0.0.1",
                      .method = SHOAL_METHOD_TUNNEL,
                      .tunnel = tunnel,
                      .mtu = 1500}});
        other.run(GetParam(), PacketBuilder::tcp(client, vip, syn));
        const std::size_t room = 1500 - overhead(tunnel) - 40;
        const auto packet = [](std::size_t payload) {
            return PacketBuilder::tcp(client, vip, ack).payload(Bytes(payload)).dont_fragment();
        };
        EXPECT_EQ(other.run(GetParam(), packet(room)).verdict, "forwarded") << tunnel;
        const auto refused = other.run(GetParam(), packet(room + 1));
        EXPECT_EQ(refused.verdict, GetParam() == Hook::tc ? "too_big" : "passed_up") << tunnel;
        if (GetParam() == Hook::xdp)
            EXPECT_EQ(refused.packet, packet(room + 1).build());
        else
            EXPECT_EQ(get16(refused.packet, 40), 1500 - overhead(tunnel));
    }
}

TEST_P(Tunnel, a_full_table_is_served_without_a_record) {
    PacketPath full(64);
    pin_to_cpu(0);
    full.serve({{.address = "10.0.0.1", .method = SHOAL_METHOD_TUNNEL}});
    const auto send = [&](std::uint16_t port, std::uint8_t flags) {
        return full.run(GetParam(), PacketBuilder::tcp({client.address, port}, vip, flags));
    };
    for (std::uint16_t port = 1024; full.free_cells() != 0; ++port) {
        ASSERT_LT(port, 1024 + 128);
        send(port, syn);
        send(port, ack);
    }
    for (const std::uint8_t flags : {syn, ack}) {
        const auto outcome = send(client.port, flags);
        EXPECT_EQ(outcome.verdict, "stateless");
        EXPECT_EQ(outcome.packet, in_tunnel(inner(flags), {}));
    }
}

INSTANTIATE_TEST_SUITE_P(BothHooks, Tunnel, ::testing::Values(Hook::tc, Hook::xdp),
                         [](const auto& hook) { return to_string(hook.param); });

class TooBig : public ::testing::Test {
  protected:
    PacketPath path;
    std::uint32_t service = 0;

    void SetUp() override {
        service = path.serve({{.address = "10.0.0.1", .method = SHOAL_METHOD_TUNNEL, .mtu = 1400}});
        path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    }
    static PacketBuilder data(std::size_t payload) {
        return PacketBuilder::tcp(client, vip, ack).payload(Bytes(payload, 'x'));
    }
};

TEST_F(TooBig, the_virtual_server_tells_the_client_the_mtu) {
    const auto sent = data(1341).dont_fragment();
    const Bytes frame = sent.build();
    const auto outcome = path.run(Hook::tc, sent);
    EXPECT_EQ(outcome.action, tc_redirect);
    EXPECT_EQ(outcome.verdict, "too_big");
    EXPECT_EQ(outcome.packet,
              PacketBuilder::icmp(vip.address, client.address, 3, 4, 1380, quote(frame, 504))
                  .tos(0xc0)
                  .identification(0)
                  .macs(sender_mac, own_mac)
                  .build());
    EXPECT_EQ(path.server_counters(0).packets_in, 1U) << "only the SYN was sent";
}

TEST_F(TooBig, the_sender_is_told_also_where_it_allowed_fragments) {
    EXPECT_EQ(path.run(Hook::tc, data(1341)).verdict, "too_big");
}

TEST_F(TooBig, ip_options_count) {
    const auto sent = data(1333).ip_options(Bytes(8, 1));
    EXPECT_EQ(path.run(Hook::tc, sent).verdict, "too_big");
    EXPECT_EQ(path.run(Hook::tc, data(1332).ip_options(Bytes(8, 1))).verdict, "forwarded");
}

TEST_F(TooBig, no_mtu_below_the_least_is_told) {
    path.server(0).mtu = 60;
    const auto outcome = path.run(Hook::tc, data(400));
    EXPECT_EQ(outcome.verdict, "too_big");
    EXPECT_EQ(get16(outcome.packet, 40), 68U);
}

TEST_F(TooBig, a_first_packet_may_be_too_big_too) {
    PacketPath udp;
    udp.serve({{.address = "10.0.0.1", .method = SHOAL_METHOD_TUNNEL, .mtu = 1000}},
              SHOAL_SCHEDULER_RR, 17);
    const auto large = PacketBuilder::udp(client, vip).payload(Bytes(1000));
    EXPECT_EQ(udp.run(Hook::xdp, large).verdict, "passed_up");
    EXPECT_EQ(udp.run(Hook::tc, large).verdict, "too_big");
    EXPECT_EQ(udp.run(Hook::tc, PacketBuilder::udp(client, vip)).verdict, "forwarded");
}

TEST_F(TooBig, of_an_aggregate_the_segments_count) {
    // 40 bytes of headers and 20 of the tunnel; from 1341 on they are cut into smaller segments. A
    // test run's aggregate is none of TCP's, so that the kernel refuses room for the outer header.
    for (const std::uint32_t segment : {1340U, 1341U, 1360U}) {
        path.run_aggregate(data(3000).build(), 3, segment);
        EXPECT_EQ(path.verdicts().at("too_big"), 0U) << segment;
    }
    path.run_aggregate(data(3000).build(), 3, 1361);
    EXPECT_EQ(path.verdicts().at("too_big"), 1U);
}

TEST(TunnelDevice, must_take_the_outer_header_too_at_xdp) {
    PacketPath path;
    path.serve({{.address = "10.0.0.1", .method = SHOAL_METHOD_TUNNEL}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.set_device(elsewhere, 100);
    const auto packet = [](std::size_t payload) {
        return PacketBuilder::tcp(client, vip, ack).payload(Bytes(payload));
    };
    EXPECT_EQ(path.run(Hook::xdp, packet(40)).verdict, "forwarded");
    EXPECT_EQ(path.run(Hook::xdp, packet(41)).verdict, "passed_up");
    EXPECT_EQ(path.run(Hook::tc, packet(41)).verdict, "forwarded");
}

// ---- What follows a connection ------------------------------------------------------------------

class TunnelFollowers : public ::testing::Test {
  protected:
    PacketPath path;

    void serve(shoal_tunnel tunnel, std::uint8_t protocol, std::uint32_t mtu = 0) {
        path.serve(
            {{.address = "10.0.0.1", .method = SHOAL_METHOD_TUNNEL, .tunnel = tunnel, .mtu = mtu}},
            SHOAL_SCHEDULER_RR, protocol);
    }
    static PacketBuilder inside(PacketBuilder packet) {
        return packet.ttl(63).macs(server_mac, director_mac);
    }
    Outcome expect_sent(const PacketBuilder& in, const Bytes& out, const std::string& verdict) {
        auto outcome = path.run(Hook::tc, in);
        EXPECT_EQ(outcome.verdict, verdict);
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet, out);
        return outcome;
    }
    /// A later one has no ports.
    static PacketBuilder later_fragment(std::size_t bytes = 16) {
        return PacketBuilder::udp(client, vip).fragment(2, false).body(Bytes(bytes, 0xa5));
    }
};

TEST_F(TunnelFollowers, fragments_go_the_way_of_the_first_one) {
    serve(SHOAL_TUNNEL_IPIP, 17);
    const auto first = PacketBuilder::udp(client, vip).payload(Bytes(8, 0xa5)).fragment(0, true);
    expect_sent(first, in_tunnel(inside(first), {}), "new_connection");
    expect_sent(later_fragment(), in_tunnel(inside(later_fragment()), {}), "forwarded");
    expect_sent(first, in_tunnel(inside(first), {}), "forwarded");
    EXPECT_EQ(path.server_counters(0).packets_in, 3U);
}

TEST_F(TunnelFollowers, fragments_of_a_known_connections_next_datagram_do_too) {
    serve(SHOAL_TUNNEL_IPIP, 17);
    const auto udp = PacketBuilder::udp(client, vip).payload(Bytes(8, 0xa5));
    expect_sent(udp, in_tunnel(inside(udp), {}), "new_connection");
    auto first = udp;
    first.fragment(0, true);
    expect_sent(first, in_tunnel(inside(first), {}), "forwarded");
    expect_sent(later_fragment(), in_tunnel(inside(later_fragment()), {}), "forwarded");
}

TEST_F(TunnelFollowers, fragments_of_one_packet_scheduling_too) {
    serve(SHOAL_TUNNEL_IPIP, 17);
    path.service(0).flags = SHOAL_SERVICE_ONE_PACKET;
    const auto first = PacketBuilder::udp(client, vip).payload(Bytes(8, 0xa5)).fragment(0, true);
    expect_sent(first, in_tunnel(inside(first), {}), "new_connection");
    expect_sent(later_fragment(), in_tunnel(inside(later_fragment()), {}), "forwarded");
}

TEST_F(TunnelFollowers, all_fragments_leave_by_one_gue_port) {
    serve(SHOAL_TUNNEL_GUE, 17);
    const auto first = PacketBuilder::udp(client, vip).payload(Bytes(8, 0xa5)).fragment(0, true);
    const auto gue = [](const PacketBuilder& packet) {
        Bytes headers = gue_headers(packet);
        put16(headers, 0, 0xc000 | ((198 << 8 | 51) ^ (100 << 8 | 7)));
        return in_tunnel(inside(packet), {.protocol = 17, .between = headers});
    };
    expect_sent(first, gue(first), "new_connection");
    expect_sent(later_fragment(), gue(later_fragment()), "forwarded");
}

TEST_F(TunnelFollowers, a_fragment_too_large_is_dropped_and_only_the_first_is_told) {
    serve(SHOAL_TUNNEL_IPIP, 17, 1000);
    const auto first = PacketBuilder::udp(client, vip).payload(Bytes(8, 0xa5)).fragment(0, true);
    path.run(Hook::tc, first);
    const auto fits = later_fragment(960);
    expect_sent(fits, in_tunnel(inside(fits), {}), "forwarded");
    const auto outcome = path.run(Hook::tc, later_fragment(961));
    EXPECT_EQ(outcome.verdict, "too_big");
    EXPECT_EQ(outcome.action, tc_shot);
    const auto large = PacketBuilder::udp(client, vip).payload(Bytes(960, 0xa5)).fragment(0, true);
    EXPECT_EQ(path.run(Hook::tc, large).verdict, "too_big");
    EXPECT_EQ(path.server_counters(0).packets_in, 2U);
}

TEST_F(TunnelFollowers, icmp_errors_about_the_answers_reach_the_real_server) {
    serve(SHOAL_TUNNEL_IPIP, 6);
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    const auto answer = PacketBuilder::tcp(vip, client, ack).payload(Bytes(100));
    const auto error =
        PacketBuilder::icmp("203.0.113.1", vip.address, 3, 4, 1200, quote(answer.build(), 60));
    auto outer = in_tunnel(inside(error), {});
    // Of another sender than the client.
    put16(outer, 18, 0x1234 ^ (203 << 8 | 0) ^ (113 << 8 | 1));
    put16(outer, 24, 0);
    put16(outer, 24, internet_checksum({outer.begin() + 14, outer.begin() + 34}));
    expect_sent(error, outer, "icmp_to_server");
}

class LocalNode : public ::testing::Test {
  protected:
    PacketPath path;

    void expect(Hook hook, const PacketBuilder& packet, const std::string& verdict) {
        const auto outcome = path.run(hook, packet);
        EXPECT_EQ(outcome.verdict, verdict);
        EXPECT_EQ(outcome.action, hook == Hook::tc ? tc_unspec : xdp_pass);
        EXPECT_EQ(outcome.packet, packet.build());
    }
};

TEST_F(LocalNode, packets_go_up_as_they_are_and_are_a_connection) {
    for (const auto method : {SHOAL_METHOD_NAT, SHOAL_METHOD_DIRECT, SHOAL_METHOD_TUNNEL}) {
        const auto first = PacketBuilder::tcp(client, vip, syn);
        const auto next = PacketBuilder::tcp(client, vip, ack);
        PacketPath fresh;
        fresh.serve({{.address = "127.0.0.1",
                      .method = method,
                      .interface = 0,
                      .mac_known = false,
                      .local = true}});
        EXPECT_EQ(fresh.run(Hook::tc, first).verdict, "new_connection");
        const auto outcome = fresh.run(Hook::tc, next);
        EXPECT_EQ(outcome.verdict, "local");
        EXPECT_EQ(outcome.action, tc_unspec);
        EXPECT_EQ(outcome.packet, next.build());
        EXPECT_EQ(fresh.only_connection().method, SHOAL_METHOD_LOCAL);
        EXPECT_EQ(fresh.server_counters(0).packets_in, 2U);
    }
}

TEST_F(LocalNode, xdp_leaves_it_to_tc) {
    path.serve({{.address = "127.0.0.1", .interface = 0, .mac_known = false, .local = true}});
    const auto first = PacketBuilder::tcp(client, vip, syn);
    expect(Hook::xdp, first, "passed_up");
    expect(Hook::tc, first, "local");
    expect(Hook::tc, PacketBuilder::tcp(client, vip, ack), "local");
    const auto last = PacketBuilder::tcp(client, vip, fin);
    expect(Hook::xdp, last, "passed_up");
    expect(Hook::tc, last, "local");
    // No reply is ever seen: the table for one direction alone.
    EXPECT_EQ(path.only_connection().word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_FIN_WAIT);
    EXPECT_EQ(path.server_counters(0).connections, 1U);
}

TEST_F(LocalNode, a_time_to_live_of_one_is_enough) {
    path.serve({{.address = "127.0.0.1", .interface = 0, .mac_known = false, .local = true}});
    expect(Hook::xdp, PacketBuilder::tcp(client, vip, syn).ttl(1), "passed_up");
    expect(Hook::tc, PacketBuilder::tcp(client, vip, syn).ttl(1), "new_connection");
    expect(Hook::xdp, PacketBuilder::tcp(client, vip, ack).ttl(1), "passed_up");
    expect(Hook::tc, PacketBuilder::tcp(client, vip, ack).ttl(1), "local");
}

TEST_F(LocalNode, fragments_and_icmp_errors_go_up_too) {
    path.serve({{.address = "127.0.0.1", .interface = 0, .mac_known = false, .local = true}},
               SHOAL_SCHEDULER_RR, 17);
    expect(Hook::tc, PacketBuilder::udp(client, vip).payload(Bytes(8)).fragment(0, true),
           "new_connection");
    expect(Hook::tc, PacketBuilder::udp(client, vip).fragment(2, false).body(Bytes(8)),
           "not_balanced");
    const auto answer = PacketBuilder::udp(vip, client).build();
    expect(Hook::tc,
           PacketBuilder::icmp("203.0.113.1", vip.address, 3, 3, 0, quote(answer, 28)).ttl(1),
           "local");
}

TEST_F(LocalNode, a_full_table_does_not_matter) {
    PacketPath full(64);
    full.serve({{.address = "127.0.0.1", .interface = 0, .mac_known = false, .local = true}});
    for (std::uint16_t port = 1024; full.free_cells() != 0; ++port) {
        ASSERT_LT(port, 1024 + 128);
        for (const std::uint8_t flags : {syn, ack})
            full.run(Hook::tc, PacketBuilder::tcp({client.address, port}, vip, flags));
    }
    const auto outcome = full.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    EXPECT_EQ(outcome.verdict, "stateless");
    EXPECT_EQ(outcome.action, tc_unspec);
}

TEST_F(LocalNode, datagrams_that_are_scheduled_alone_go_up_too) {
    path.serve({{.address = "127.0.0.1", .interface = 0, .mac_known = false, .local = true}},
               SHOAL_SCHEDULER_RR, 17);
    path.service(0).flags = SHOAL_SERVICE_ONE_PACKET;
    expect(Hook::xdp, PacketBuilder::udp(client, vip), "passed_up");
    expect(Hook::tc, PacketBuilder::udp(client, vip), "new_connection");
    EXPECT_EQ(path.server_counters(0).packets_in, 1U);
}

}  // namespace
}  // namespace shoal::dataplane::testing

#include <gtest/gtest.h>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"

// Packets larger than the way to the real server or to the client takes: the virtual server tells
// their sender, as a router would. Tunnels have tests of their own.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 80};
constexpr Mac sender_mac{0x02, 0, 0, 0, 0, 0x01};
constexpr Mac own_mac{};  // of the loopback device, which test runs come in by
constexpr std::uint32_t mtu = 1000;

class PathMtu : public ::testing::TestWithParam<shoal_method> {
  protected:
    PacketPath path;

    void serve(std::uint32_t limit = mtu, std::uint8_t protocol = 6) {
        path.serve({{.address = "10.0.0.1", .method = GetParam(), .mtu = limit}},
                   SHOAL_SCHEDULER_RR, protocol);
    }
    void open(std::uint32_t limit = mtu) {
        serve(limit);
        path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    }
    /// So many bytes long at the IP layer.
    static PacketBuilder data(std::size_t bytes) {
        return PacketBuilder::tcp(client, vip, ack).payload(Bytes(bytes - 40, 'x'));
    }
    void expect_told(const PacketBuilder& packet) {
        const auto frame = packet.build();
        const auto left = path.run(Hook::xdp, frame);
        EXPECT_EQ(left.verdict, "passed_up");
        EXPECT_EQ(left.packet, frame);
        const auto outcome = path.run(Hook::tc, frame);
        EXPECT_EQ(outcome.verdict, "too_big");
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet,
                  PacketBuilder::icmp(vip.address, client.address, 3, 4, mtu, quote(frame, 504))
                      .tos(0xc0)
                      .identification(0)
                      .macs(sender_mac, own_mac)
                      .build());
    }
};

TEST_P(PathMtu, to_the_real_server_is_told_to_the_client) {
    open();
    for (const auto hook : {Hook::xdp, Hook::tc})
        EXPECT_EQ(path.run(hook, data(mtu).dont_fragment()).verdict, "forwarded");
    const auto state = path.only_connection();
    expect_told(data(mtu + 1).dont_fragment());
    expect_told(data(1500));
    EXPECT_EQ(path.only_connection().word, state.word);
    EXPECT_EQ(path.server_counters(0).packets_in, 3U);
}

TEST_P(PathMtu, that_is_not_known_limits_nothing) {
    open(0);
    for (const auto hook : {Hook::xdp, Hook::tc})
        EXPECT_EQ(path.run(hook, data(1500)).verdict, "forwarded");
}

TEST_P(PathMtu, holds_for_first_packets_too) {
    serve(mtu, 17);
    const auto datagram = PacketBuilder::udp(client, vip).payload(Bytes(mtu, 'x'));
    expect_told(datagram);
    path.service(0).flags |= SHOAL_SERVICE_ONE_PACKET;
    expect_told(PacketBuilder::udp({client.address, 40001}, vip).payload(Bytes(mtu, 'x')));
    EXPECT_EQ(path.server_counters(0).packets_in, 0U);
}

TEST_P(PathMtu, of_an_aggregate_concerns_its_segments) {
    open();
    // 40 bytes of headers.
    path.run_aggregate(data(3000).build(), 4, mtu - 40);
    EXPECT_EQ(path.verdicts().at("too_big"), 0U);
    path.run_aggregate(data(3000).build(), 4, mtu - 39);
    EXPECT_EQ(path.verdicts().at("too_big"), 1U);
}

TEST(PathMtuOfIpv6, to_the_real_server_is_told_to_the_client) {
    constexpr Endpoint from{"2001:db8:1::7", 40000};
    constexpr Endpoint to{"2001:db8:80::80", 80};
    PacketPath path;
    path.serve({{.address = "2001:db8:a::1", .port = 8080, .mtu = 1300}});
    path.run(Hook::tc, PacketBuilder::tcp(from, to, syn));
    const auto data = [&](std::size_t bytes) {
        return PacketBuilder::tcp(from, to, ack).payload(Bytes(bytes - 60, 'x')).build();
    };
    for (const auto hook : {Hook::xdp, Hook::tc})
        EXPECT_EQ(path.run(hook, data(1300)).verdict, "forwarded");
    EXPECT_EQ(path.run(Hook::xdp, data(1301)).verdict, "passed_up");
    const auto told = path.run(Hook::tc, data(1301));
    EXPECT_EQ(told.verdict, "too_big");
    EXPECT_EQ(told.action, tc_redirect);
    // Ethernet and IPv6 headers come before ICMPv6: type 2, code 0, checksum, MTU.
    EXPECT_EQ(told.packet.at(20), 58);
    EXPECT_EQ(told.packet.at(54), 2);
    EXPECT_EQ(told.packet.at(60) << 8 | told.packet.at(61), 1300);
}

INSTANTIATE_TEST_SUITE_P(Methods, PathMtu, ::testing::Values(SHOAL_METHOD_NAT, SHOAL_METHOD_DIRECT),
                         [](const auto& method) {
                             return method.param == SHOAL_METHOD_NAT ? "nat" : "direct";
                         });

TEST(PathMtuToClient, is_told_to_the_real_server_by_the_virtual_server) {
    Network network;
    network.add_route("198.51.100.0/24", "172.31.0.2");
    network.add_neighbour("172.31.0.2", client_mac);
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    const auto reply = [](std::size_t bytes) {
        return PacketBuilder::tcp(real, client, ack).payload(Bytes(bytes - 40, 'x'));
    };
    const auto run = [&](std::size_t bytes) {
        return path.run(Hook::tc, reply(bytes).macs(network.mac(), server_mac).build(),
                        network.device());
    };
    const Bytes quoted = quote(reply(1501).build(), 504);
    // Also as the first reply, which looks for the way.
    for (int packet = 0; packet < 2; ++packet) {
        const auto outcome = run(1501);
        EXPECT_EQ(outcome.verdict, "too_big");
        EXPECT_EQ(outcome.packet, PacketBuilder::icmp(vip.address, real.address, 3, 4, 1500, quoted)
                                      .tos(0xc0)
                                      .identification(0)
                                      .macs(server_mac, network.mac())
                                      .build());
    }
    EXPECT_EQ(run(1500).verdict, "replied");
    EXPECT_EQ(path.server_counters(0).packets_out, 1U);
    path.run_aggregate(reply(3000).build(), 3, 1460);
    EXPECT_EQ(path.verdicts().at("too_big"), 2U);
    path.run_aggregate(reply(3000).build(), 3, 1461);
    EXPECT_EQ(path.verdicts().at("too_big"), 3U);
}

}  // namespace
}  // namespace shoal::dataplane::testing

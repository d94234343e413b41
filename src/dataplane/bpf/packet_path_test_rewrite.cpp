#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"

// What leaves, byte for byte: addresses, ports, time to live, both checksums, MAC addresses.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};

class Rewrite : public ::testing::TestWithParam<Hook> {
  protected:
    PacketPath path;
    void expect_sent(const PacketBuilder& in, const PacketBuilder& out) {
        const auto outcome = path.run(GetParam(), in);
        EXPECT_TRUE(outcome.action == xdp_redirect || outcome.action == tc_redirect)
            << outcome.action << ' ' << outcome.verdict;
        EXPECT_EQ(outcome.packet, out.build());
    }
};

TEST_P(Rewrite, tcp_goes_to_the_real_servers_address_and_port) {
    path.serve({{"10.0.0.1", 8080}});
    expect_sent(PacketBuilder::tcp(client, vip, syn),
                PacketBuilder::tcp(client, real, syn).ttl(63).macs(server_mac, director_mac));
    expect_sent(PacketBuilder::tcp(client, vip, ack).ttl(2),
                PacketBuilder::tcp(client, real, ack).ttl(1).macs(server_mac, director_mac));
}

TEST_P(Rewrite, checksums_hold_for_random_packets) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    std::mt19937 random(1);  // the same packets each time
    for (int i = 0; i < 3000; ++i) {
        const Endpoint from{client.address, static_cast<std::uint16_t>(1024 + random() % 50)};
        const auto ttl = static_cast<std::uint8_t>(2 + random() % 254);
        Bytes payload(random() % 40);
        for (auto& byte : payload)
            byte = static_cast<std::uint8_t>(random());
        expect_sent(PacketBuilder::udp(from, vip).ttl(ttl).payload(payload),
                    PacketBuilder::udp(from, real)
                        .ttl(static_cast<std::uint8_t>(ttl - 1))
                        .payload(payload)
                        .macs(server_mac, director_mac));
        if (HasFailure()) return;
    }
}

TEST_P(Rewrite, udp_without_a_checksum_stays_so) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    expect_sent(
        PacketBuilder::udp(client, vip).no_checksum(),
        PacketBuilder::udp(client, real).no_checksum().ttl(63).macs(server_mac, director_mac));
}

TEST_P(Rewrite, a_udp_checksum_of_0_is_sent_as_ffff) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    // Whatever the sum is without them, two bytes of payload bring it to 0.
    const auto with_payload = [](std::uint16_t value) {
        return PacketBuilder::udp(client, real)
            .payload({static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)})
            .ttl(63)
            .macs(server_mac, director_mac);
    };
    const auto checksum = [](const Bytes& frame) {
        return static_cast<std::uint16_t>(frame[40] << 8 | frame[41]);
    };
    const std::uint16_t value = checksum(with_payload(0).build());
    const auto out = with_payload(value);
    ASSERT_EQ(checksum(out.build()), 0xffff);
    expect_sent(
        PacketBuilder::udp(client, vip)
            .payload({static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}),
        out);
}

TEST_P(Rewrite, direct_routing_changes_only_macs_and_time_to_live) {
    path.serve({{.address = "10.0.0.1", .port = 8080, .method = SHOAL_METHOD_DIRECT}});
    expect_sent(PacketBuilder::tcp(client, vip, syn),
                PacketBuilder::tcp(client, vip, syn).ttl(63).macs(server_mac, director_mac));
    expect_sent(PacketBuilder::tcp(client, vip, ack),
                PacketBuilder::tcp(client, vip, ack).ttl(63).macs(server_mac, director_mac));
}

INSTANTIATE_TEST_SUITE_P(Hooks, Rewrite, ::testing::Values(Hook::tc, Hook::xdp),
                         [](const auto& tested) { return to_string(tested.param); });

TEST(RewriteTc, options_of_the_ip_header_are_no_obstacle) {
    PacketPath path;
    path.serve({{"10.0.0.1", 8080}});
    const Bytes options{0x94, 4, 0, 0};  // router alert
    const auto in = PacketBuilder::tcp(client, vip, syn).ip_options(options);
    EXPECT_EQ(path.run(Hook::xdp, in).verdict, "passed_up");
    const auto outcome = path.run(Hook::tc, in);
    EXPECT_EQ(outcome.verdict, "new_connection");
    EXPECT_EQ(outcome.packet, PacketBuilder::tcp(client, real, syn)
                                  .ip_options(options)
                                  .ttl(63)
                                  .macs(server_mac, director_mac)
                                  .build());
}

TEST(RewriteTc, an_aggregate_counts_all_its_segments) {
    PacketPath path;
    path.serve({{"10.0.0.1", 8080}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    const auto before = path.server_counters(0);
    const auto packet = PacketBuilder::tcp(client, vip, ack).payload(Bytes(1000)).build();
    EXPECT_EQ(path.run_aggregate(packet, 40).action, tc_redirect);
    EXPECT_EQ(path.server_counters(0).packets_in - before.packets_in, 40U);
    EXPECT_EQ(path.server_counters(0).bytes_in - before.bytes_in, packet.size() - 14);
}

// Replies need routes and neighbours: a network namespace with one device towards the client.
class Replies : public ::testing::TestWithParam<Hook> {
  protected:
    Network network;
    PacketPath path;

    void open() {
        path.set_device(network.device(), 1500, network.mac());
        path.serve({{"10.0.0.1", 8080}});
        ASSERT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn)).verdict,
                  "new_connection");
    }
    PacketBuilder reply() const {
        return PacketBuilder::tcp(real, client, syn | ack).macs(network.mac(), server_mac);
    }
    PacketBuilder translated() const { return PacketBuilder::tcp(vip, client, syn | ack).ttl(63); }
};

TEST_P(Replies, come_from_the_virtual_server_to_the_neighbour_on_the_way) {
    open();
    network.add_route(std::string(client.address) + "/32", "172.31.0.2");
    network.add_neighbour("172.31.0.2", client_mac);
    const auto outcome = path.run(GetParam(), reply().build(), network.device());
    EXPECT_EQ(outcome.verdict, "replied");
    EXPECT_EQ(outcome.action, GetParam() == Hook::tc ? tc_redirect : xdp_tx);
    EXPECT_EQ(outcome.packet, translated().macs(client_mac, network.mac()).build());
    EXPECT_EQ(path.only_connection().client_interface, network.device());
    EXPECT_EQ(path.server_counters(0).packets_out, 1U);
    EXPECT_EQ(path.service_counters(0).bytes_out, 45U);
    EXPECT_TRUE(path.only_connection().word & SHOAL_WORD_REPLY_SEEN);
}

TEST_P(Replies, remember_the_way_until_the_routes_change) {
    open();
    network.add_route(std::string(client.address) + "/32", "172.31.0.2");
    network.add_neighbour("172.31.0.2", client_mac);
    path.run(GetParam(), reply().build(), network.device());
    constexpr Mac other_mac{0x02, 0, 0, 0, 0, 0x77};
    network.add_neighbour("172.31.0.2", other_mac);
    EXPECT_EQ(path.run(GetParam(), reply().build(), network.device()).packet,
              translated().macs(client_mac, network.mac()).build());
    ++path.settings().route_generation;
    EXPECT_EQ(path.run(GetParam(), reply().build(), network.device()).packet,
              translated().macs(other_mac, network.mac()).build());
}

TEST_P(Replies, to_an_unresolved_neighbour_are_left_to_the_neighbour_code) {
    open();
    network.add_route(std::string(client.address) + "/32", "172.31.0.3");
    const auto in = reply().build();
    const auto outcome = path.run(GetParam(), in, network.device());
    if (GetParam() == Hook::xdp) {
        EXPECT_EQ(outcome.verdict, "passed_up");
        EXPECT_EQ(outcome.packet, in);
        EXPECT_FALSE(path.only_connection().word & SHOAL_WORD_REPLY_SEEN);
    } else {
        EXPECT_EQ(outcome.verdict, "replied");
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet, translated().macs(network.mac(), server_mac).build());
    }
}

INSTANTIATE_TEST_SUITE_P(Hooks, Replies, ::testing::Values(Hook::tc, Hook::xdp),
                         [](const auto& tested) { return to_string(tested.param); });

TEST(RewriteTc, an_unresolved_real_server_is_left_to_the_neighbour_code) {
    PacketPath path;
    path.serve({{.address = "10.0.0.1", .port = 8080, .mac_known = false}});
    const auto outcome = path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    EXPECT_EQ(outcome.action, tc_redirect);
    EXPECT_EQ(outcome.verdict, "new_connection");
}

}  // namespace
}  // namespace shoal::dataplane::testing

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"

// XDP sends only to devices that take its frames, and looks only at frames that are for it. All
// else goes up to tc as it came.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 80};

class XdpDevices : public ::testing::Test {
  protected:
    void SetUp() override {
        network.add_route("198.51.100.0/24", "172.31.0.2");
        network.add_neighbour("172.31.0.2", client_mac);
        path.serve({{"10.0.0.1"}});
    }
    void expect_left_to_tc(const PacketBuilder& packet, const std::string& verdict) {
        const auto frame = packet.build();
        const auto outcome = path.run(Hook::xdp, frame);
        EXPECT_EQ(outcome.action, xdp_pass);
        EXPECT_EQ(outcome.verdict, "passed_up");
        EXPECT_EQ(outcome.packet, frame);
        EXPECT_EQ(path.run(Hook::tc, frame).verdict, verdict);
    }
    void expect_sent(const PacketBuilder& packet) {
        EXPECT_EQ(path.run(Hook::xdp, packet).action, xdp_redirect);
    }

    Network network;
    PacketPath path;
    PacketBuilder request = PacketBuilder::tcp(client, vip, ack);
    PacketBuilder reply = PacketBuilder::tcp(real, client, ack);
};

TEST_F(XdpDevices, requests_go_only_to_devices_that_take_them) {
    expect_sent(PacketBuilder::tcp(client, vip, syn));
    expect_sent(request);
    for (const std::uint32_t mtu : {0, 44}) {
        path.set_device(elsewhere, mtu);
        expect_left_to_tc(request, "forwarded");
        expect_left_to_tc(PacketBuilder(request).from({client.address, 1}), "no_connection");
    }
    path.set_device(elsewhere, 45);
    expect_sent(request);
}

TEST_F(XdpDevices, a_first_packet_is_scheduled_once) {
    path.set_device(elsewhere, 0);
    expect_left_to_tc(PacketBuilder::tcp(client, vip, syn), "forwarded");
    EXPECT_EQ(path.live().size(), 1U);
    EXPECT_EQ(path.server_counters(0).connections, 1U);
    EXPECT_EQ(path.server_counters(0).packets_in, 1U);
}

TEST_F(XdpDevices, one_packets_scheduling_is_left_to_tc_whole) {
    const auto service = path.add_service("192.0.2.80", 53, SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    path.set_pool(service, {{0, 1}});
    path.set_device(elsewhere, 0);
    expect_left_to_tc(PacketBuilder::udp(client, {vip.address, 53}), "new_connection");
    EXPECT_EQ(path.server_counters(0).connections, 1U);
}

TEST_F(XdpDevices, replies_go_only_to_devices_that_take_them) {
    expect_sent(PacketBuilder::tcp(client, vip, syn));
    expect_sent(reply);
    for (const std::uint32_t mtu : {0, 44}) {
        path.set_device(network.device(), mtu);
        expect_left_to_tc(reply, "replied");
    }
    path.set_device(network.device(), 45);
    expect_sent(reply);
}

TEST_F(XdpDevices, what_stands_in_a_devices_place_is_not_that_device) {
    expect_sent(PacketBuilder::tcp(client, vip, syn));
    path.server(0).interface = elsewhere + SHOAL_MAX_DEVICES;
    expect_left_to_tc(request, "forwarded");
}

TEST_F(XdpDevices, frames_to_many_or_to_others_are_not_for_us) {
    expect_sent(PacketBuilder::tcp(client, vip, syn));
    for (const Mac& mac : {Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Mac{0x01, 0, 0x5e, 0, 0, 1},
                           Mac{0, 0, 0, 0, 0, 1}, Mac{1, 0, 0, 0, 0, 0}}) {
        expect_left_to_tc(PacketBuilder(request).macs(mac, client_mac), "foreign");
        expect_left_to_tc(PacketBuilder(reply).macs(mac, client_mac), "foreign");
    }
}

TEST_F(XdpDevices, a_device_that_is_not_hooked_is_left_to_tc) {
    path.set_device(loopback, 1500);
    expect_sent(PacketBuilder::tcp(client, vip, syn));
    const std::uint32_t place = loopback;
    const shoal_device none{};
    ASSERT_EQ(bpf_map_update_elem(path.map("devices"), &place, &none, BPF_ANY), 0);
    expect_left_to_tc(request, "forwarded");
}

}  // namespace
}  // namespace shoal::dataplane::testing

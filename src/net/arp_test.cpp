#include "net/arp.h"

#include <gmock/gmock.h>

#include "net/netlink.h"
#include "net/packet_socket.h"
#include "net/testing_network.h"

namespace shoal::net {
namespace {

using ::testing::ElementsAreArray;

const auto vip = Address::parse("192.0.2.80").value();
const MacAddress mac{{0x02, 0, 0, 0, 0, 0x01}};

template <std::size_t N>
std::vector<std::byte> padded(const unsigned char (&bytes)[N]) {
    std::vector<std::byte> frame;
    for (const auto byte : bytes)
        frame.push_back(std::byte{byte});
    frame.resize(60);
    return frame;
}

// Written down by hand from RFC 826 and RFC 5227.
const auto request_bytes =
    padded({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06,
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
            192,  0,    2,    80,   0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 192,  0,    2,    80});
const auto reply_bytes =
    padded({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06,
            0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01,
            192,  0,    2,    80,   0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 192,  0,    2,    80});

TEST(Arp, both_forms_byte_for_byte) {
    EXPECT_THAT(gratuitous_arp_request(vip, mac), ElementsAreArray(request_bytes));
    EXPECT_THAT(gratuitous_arp_reply(vip, mac), ElementsAreArray(reply_bytes));
}

class ArpTest : public testing::TwoLinks {
  protected:
    ArpTest() {
        wan = Netlink::open()->link("wan0")->index;
        outside.enter();
        testing::run("ip addr add 192.0.2.1/24 dev eth0");
        eth0 = Netlink::open()->link("eth0")->index;
        director.enter();
    }
    std::optional<MacAddress> mac_known_outside() {
        outside.enter();
        const auto neighbour = Netlink::open()->neighbour(eth0, vip).value();
        director.enter();
        return neighbour ? neighbour->mac : std::nullopt;
    }
    void outside_remembers_another_mac() {
        outside.enter();
        testing::run("ip neigh replace 192.0.2.80 dev eth0 lladdr 02:00:00:00:00:99 nud reachable");
        director.enter();
    }

    Result<PacketSocket> socket = PacketSocket::open();
    std::uint32_t wan = 0;
    std::uint32_t eth0 = 0;
};

TEST_F(ArpTest, both_forms_arrive_at_the_other_end) {
    outside.enter();
    const testing::Capture capture(eth0, ETH_P_ARP);
    director.enter();
    ASSERT_TRUE(announce_ipv4(*socket, wan, vip, mac));
    EXPECT_THAT(capture.next(), ElementsAreArray(request_bytes));
    EXPECT_THAT(capture.next(), ElementsAreArray(reply_bytes));
}

// The neighbour's entry was updated a moment ago, so only what the kernel takes for gratuitous ARP
// may override it (locktime).
TEST_F(ArpTest, each_form_alone_corrects_a_neighbour_that_remembers_the_old_router) {
    for (const auto& form : {gratuitous_arp_request(vip, mac), gratuitous_arp_reply(vip, mac)}) {
        outside_remembers_another_mac();
        ASSERT_EQ(mac_known_outside(), (MacAddress{{2, 0, 0, 0, 0, 0x99}}));
        ASSERT_TRUE(socket->send(wan, form));
        EXPECT_TRUE(testing::eventually([&] { return mac_known_outside() == mac; }));
    }
}

TEST_F(ArpTest, each_form_alone_teaches_a_neighbour_that_accepts_unknown_ones) {
    for (const auto& form : {gratuitous_arp_request(vip, mac), gratuitous_arp_reply(vip, mac)}) {
        outside.enter();
        testing::run("echo 1 > /proc/sys/net/ipv4/conf/eth0/arp_accept");
        testing::run("ip neigh flush dev eth0");
        director.enter();
        ASSERT_EQ(mac_known_outside(), std::nullopt);
        ASSERT_TRUE(socket->send(wan, form));
        EXPECT_TRUE(testing::eventually([&] { return mac_known_outside() == mac; }));
    }
}

TEST_F(ArpTest, a_link_that_is_down_is_an_error) {
    testing::run("ip link set wan0 down");
    const auto sent = announce_ipv4(*socket, wan, vip, mac);
    ASSERT_FALSE(sent);
    EXPECT_THAT(sent.error().message, ::testing::HasSubstr("192.0.2.80"));
    testing::run("ip link set wan0 up");
    EXPECT_TRUE(announce_ipv4(*socket, wan, vip, mac)) << "the socket is good for more";
}

}  // namespace
}  // namespace shoal::net

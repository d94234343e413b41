#include "net/neighbour_discovery.h"

#include <gmock/gmock.h>

#include "net/netlink.h"
#include "net/testing_network.h"

namespace shoal::net {
namespace {

const auto vip = Address::parse("2001:db8::80").value();
const MacAddress mac{{0x02, 0, 0, 0, 0, 0x01}};

TEST(NeighbourDiscovery, says_whether_it_forwards) {
    constexpr std::size_t flags_at = 14 + 40 + 4;
    EXPECT_EQ(unsolicited_advertisement(vip, mac, true)[flags_at], std::byte{0xa0});
    EXPECT_EQ(unsolicited_advertisement(vip, mac, false)[flags_at], std::byte{0x20});
}

class NeighbourDiscoveryTest : public testing::TwoLinks {};

// The kernel drops an advertisement with a wrong checksum, hop limit or option, so this shows all
// of them right.
TEST_F(NeighbourDiscoveryTest, corrects_a_neighbour_that_remembers_the_old_router) {
    const auto wan = Netlink::open()->link("wan0")->index;
    auto socket = PacketSocket::open().value();
    outside.enter();
    auto netlink = Netlink::open().value();
    const auto eth0 = netlink.link("eth0")->index;
    testing::run("ip addr add 2001:db8::1/64 dev eth0 nodad");
    testing::run("ip neigh add 2001:db8::80 dev eth0 lladdr 02:00:00:00:00:99 nud reachable");
    director.enter();
    ASSERT_TRUE(announce_ipv6(socket, wan, vip, mac, true));
    EXPECT_TRUE(
        testing::eventually([&] { return netlink.neighbour(eth0, vip).value()->mac == mac; }));
}

}  // namespace
}  // namespace shoal::net

#include "net/next_hops.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "net/netlink_events.h"
#include "net/testing_network.h"

namespace shoal::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const auto web_1 = Address::parse("10.11.12.1").value();
const auto far_away = Address::parse("10.20.0.1").value();
const MacAddress lan_mac{{2, 0, 0, 0, 1, 1}};
const MacAddress server_mac{{2, 0, 0, 0, 1, 2}};

/// With an event subscription that feeds the object under test, as the director does it.
class NextHopsTest : public testing::TwoLinks {
  protected:
    NextHopsTest() {
        testing::run("ip addr add 10.11.12.254/24 dev lan0 && ip addr add 192.0.2.1/24 dev wan0");
        servers.enter();
        testing::run("ip addr add 10.11.12.1/24 dev eth0 && ip addr add 10.11.12.9/24 dev eth0");
        director.enter();
        NetlinkEvents::Handlers handlers;
        handlers.changed = [this](std::span<const NetlinkEvent> batch) {
            EXPECT_TRUE(hops.handle(batch));
            ++batches;
        };
        handlers.lost = [this] { EXPECT_TRUE(hops.reload()); };
        events.emplace(NetlinkEvents::open(context.get_executor(), handlers).value());
    }
    /// What `changed` said last, once it is what is expected; MTU and source aside.
    bool becomes(const Address& server, const NextHop& expected) {
        return testing::eventually([&] {
            context.run_for(1ms);
            return hop_of(told[server]) == expected && hop_of(hops.find(server)) == expected;
        });
    }
    static NextHop hop_of(std::optional<NextHop> hop) {
        hop->mtu = 0;
        hop->source.reset();
        return *hop;
    }

    Netlink netlink = Netlink::open().value();
    std::uint32_t lan = netlink.link("lan0")->index;
    std::uint32_t wan = netlink.link("wan0")->index;
    std::map<Address, NextHop> told;
    int calls = 0;
    int batches = 0;
    NextHops hops{netlink, [this](const Address& server, const NextHop& hop) {
                      told[server] = hop;
                      ++calls;
                  }};
    boost::asio::io_context context;
    std::optional<NetlinkEvents> events;
};

TEST_F(NextHopsTest, a_server_on_the_link_is_found_and_resolved_without_traffic) {
    ASSERT_TRUE(hops.track({web_1}));
    EXPECT_EQ(told[web_1].interface_index, lan);
    EXPECT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0"));
}

TEST_F(NextHopsTest, a_server_behind_a_gateway_has_the_gateways_mac) {
    testing::run("ip route add 10.20.0.0/16 via 10.11.12.9");
    ASSERT_TRUE(hops.track({far_away}));
    EXPECT_TRUE(
        becomes(far_away, {lan, lan_mac, Address::parse("10.11.12.9").value(), server_mac}));
}

TEST_F(NextHopsTest, follows_routes_that_come_change_and_go) {
    ASSERT_TRUE(hops.track({far_away}));
    const NextHop nowhere{0, {}, far_away, {}};
    EXPECT_EQ(hops.find(far_away), nowhere);
    EXPECT_EQ(told[far_away], nowhere);
    EXPECT_THAT(hops.interfaces(), IsEmpty());

    testing::run("ip neigh add 192.0.2.2 dev wan0 lladdr 02:00:00:00:00:02 nud permanent");
    testing::run("ip route add 10.20.0.0/16 via 192.0.2.2");
    EXPECT_TRUE(
        becomes(far_away, {wan, MacAddress{{2, 0, 0, 0, 0, 1}}, Address::parse("192.0.2.2").value(),
                           MacAddress{{2, 0, 0, 0, 0, 2}}}));
    testing::run("ip route replace 10.20.0.0/16 via 10.11.12.9");
    EXPECT_TRUE(
        becomes(far_away, {lan, lan_mac, Address::parse("10.11.12.9").value(), server_mac}));
    testing::run("ip route del 10.20.0.0/16");
    EXPECT_TRUE(becomes(far_away, nowhere));
}

TEST_F(NextHopsTest, a_link_that_goes_down_takes_its_routes_along) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    testing::run("ip link set lan0 down");
    EXPECT_TRUE(becomes(web_1, {0, {}, web_1, {}}));
    testing::run("ip link set lan0 up");
    EXPECT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
}

TEST_F(NextHopsTest, a_device_stays_known_while_its_link_flaps) {
    ASSERT_TRUE(hops.track({web_1}));
    testing::run("ip link set lan0 down");
    ASSERT_TRUE(becomes(web_1, {0, {}, web_1, {}}));
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0"));
    ASSERT_TRUE(hops.reload());
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0")) << "nor does the self-check forget it";
    testing::run("ip link set lan0 up");
    EXPECT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0"));
}

TEST_F(NextHopsTest, a_device_stays_known_though_the_default_route_takes_over) {
    const auto gateway = Address::parse("192.0.2.2").value();
    const MacAddress wan_mac{{2, 0, 0, 0, 0, 1}};
    const MacAddress gateway_mac{{2, 0, 0, 0, 0, 2}};
    testing::run("ip neigh add 192.0.2.2 dev wan0 lladdr 02:00:00:00:00:02 nud permanent");
    testing::run("ip route add default via 192.0.2.2");
    ASSERT_TRUE(hops.track({web_1}));
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0"));
    testing::run("ip link set lan0 down");
    ASSERT_TRUE(becomes(web_1, {wan, wan_mac, gateway, gateway_mac}));
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0", "wan0"));
    testing::run("ip link set lan0 up");
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    EXPECT_THAT(hops.interfaces(), ElementsAre("lan0"));

    testing::run("ip link del lan0");
    ASSERT_TRUE(becomes(web_1, {wan, wan_mac, gateway, gateway_mac}));
    EXPECT_TRUE(testing::eventually([&] {
        context.run_for(1ms);
        return hops.interfaces() == std::set<std::string>{"wan0"};
    })) << "a device that is gone is forgotten";
}

TEST_F(NextHopsTest, a_route_of_the_servers_own_by_another_device_settles_it) {
    testing::run("ip neigh add 192.0.2.2 dev wan0 lladdr 02:00:00:00:00:02 nud permanent");
    ASSERT_TRUE(hops.track({web_1}));
    testing::run("ip route add 10.11.12.1 via 192.0.2.2");
    const NextHop by_wan{wan, MacAddress{{2, 0, 0, 0, 0, 1}}, Address::parse("192.0.2.2").value(),
                         MacAddress{{2, 0, 0, 0, 0, 2}}};
    ASSERT_TRUE(becomes(web_1, by_wan));
    EXPECT_THAT(hops.interfaces(), ElementsAre("wan0"));
}

TEST_F(NextHopsTest, follows_the_interfaces_own_mac) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    testing::run("ip link set lan0 address 02:00:00:00:01:aa");
    EXPECT_TRUE(becomes(web_1, {lan, MacAddress{{2, 0, 0, 0, 1, 0xaa}}, web_1, server_mac}));
}

TEST_F(NextHopsTest, follows_a_server_that_gets_a_new_network_card) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    testing::run("ip neigh replace 10.11.12.1 dev lan0 lladdr 02:00:00:00:09:99 nud stale");
    EXPECT_TRUE(becomes(web_1, {lan, lan_mac, web_1, MacAddress{{2, 0, 0, 0, 9, 0x99}}}));
}

TEST_F(NextHopsTest, a_failed_neighbour_is_unknown) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    testing::run("ip neigh change 10.11.12.1 dev lan0 nud failed");
    EXPECT_TRUE(becomes(web_1, {lan, lan_mac, web_1, std::nullopt}));
}

TEST_F(NextHopsTest, a_neighbour_the_kernel_forgot_is_resolved_again) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    told.clear();
    testing::run("ip neigh del 10.11.12.1 dev lan0");
    EXPECT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
}

TEST_F(NextHopsTest, knows_the_mtu_of_the_way_and_the_source_of_own_packets) {
    const auto mtu_becomes = [&](const Address& server, std::uint32_t mtu) {
        return testing::eventually([&] {
            context.run_for(1ms);
            return told[server].mtu == mtu;
        });
    };
    testing::run("ip route add 10.20.0.0/16 via 10.11.12.9 mtu 1400");
    ASSERT_TRUE(hops.track({web_1, far_away}));
    EXPECT_EQ(hops.find(web_1)->mtu, 1500U);
    EXPECT_EQ(hops.find(web_1)->source, Address::parse("10.11.12.254").value());
    EXPECT_EQ(hops.find(far_away)->mtu, 1400U) << "the route's own";
    testing::run("ip link set lan0 mtu 1350");
    EXPECT_TRUE(mtu_becomes(web_1, 1350));
    EXPECT_TRUE(mtu_becomes(far_away, 1350));
    testing::run("ip link set lan0 mtu 1450");
    EXPECT_TRUE(mtu_becomes(web_1, 1450));
    EXPECT_TRUE(mtu_becomes(far_away, 1400));
}

TEST_F(NextHopsTest, this_hosts_own_address_has_no_next_hop) {
    const auto own = Address::parse("192.0.2.1").value();
    ASSERT_TRUE(hops.track({own}));
    EXPECT_EQ(hops.find(own), (NextHop{0, {}, own, {}, true}));
}

TEST_F(NextHopsTest, a_tunnel_device_needs_no_mac) {
    testing::run("ip tuntap add tun0 mode tun && ip addr add 10.30.0.1/24 dev tun0");
    testing::run("ip link set tun0 up");
    const auto server = Address::parse("10.30.0.2").value();
    ASSERT_TRUE(hops.track({server}));
    EXPECT_EQ(hop_of(hops.find(server)), (NextHop{netlink.link("tun0")->index, {}, server, {}}));
}

// Without IPv6 and neighbours, the link's own event is all that tells of it.
TEST_F(NextHopsTest, a_tunnel_device_that_goes_down_is_noticed) {
    testing::run("ip tuntap add tun0 mode tun && ip addr add 10.30.0.1/24 dev tun0");
    testing::run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set tun0 up");
    const auto server = Address::parse("10.30.0.2").value();
    ASSERT_TRUE(hops.track({server}));
    // Takes in what setting up the device brought.
    ASSERT_TRUE(becomes(server, {netlink.link("tun0")->index, {}, server, {}}));
    testing::run("ip link set tun0 down");
    EXPECT_TRUE(becomes(server, {0, {}, server, {}}));
}

TEST_F(NextHopsTest, tracks_only_what_it_is_told_to) {
    ASSERT_TRUE(hops.track({web_1, far_away}));
    ASSERT_TRUE(hops.track({far_away}));
    EXPECT_EQ(hops.find(web_1), std::nullopt);
    EXPECT_NE(hops.find(far_away), std::nullopt);
}

TEST_F(NextHopsTest, tells_nothing_where_nothing_changed) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    const int before = calls;
    ASSERT_TRUE(hops.reload());
    ASSERT_TRUE(hops.track({web_1}));
    const int batches_before = batches;
    testing::run("ip route add 10.77.0.0/16 via 10.11.12.9");
    ASSERT_TRUE(testing::eventually([&] {
        context.run_for(1ms);
        return batches > batches_before;
    }));
    EXPECT_EQ(calls, before);
}

TEST_F(NextHopsTest, a_reload_finds_what_no_event_told) {
    ASSERT_TRUE(hops.track({web_1}));
    ASSERT_TRUE(becomes(web_1, {lan, lan_mac, web_1, server_mac}));
    events.reset();
    // In this order: with a new MAC the kernel forgets the neighbours of the link.
    testing::run("ip link set lan0 address 02:00:00:00:01:aa");
    testing::run("ip neigh replace 10.11.12.1 dev lan0 lladdr 02:00:00:00:09:99 nud permanent");
    ASSERT_TRUE(hops.reload());
    EXPECT_EQ(hop_of(hops.find(web_1)), (NextHop{lan, MacAddress{{2, 0, 0, 0, 1, 0xaa}}, web_1,
                                                 MacAddress{{2, 0, 0, 0, 9, 0x99}}}));
}

}  // namespace
}  // namespace shoal::net

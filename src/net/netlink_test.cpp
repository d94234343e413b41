#include "net/netlink.h"

#include <gmock/gmock.h>
#include <linux/neighbour.h>

#include <algorithm>

#include "net/testing_network.h"

namespace shoal::net {
namespace {

using ::testing::HasSubstr;

class NetlinkTest : public testing::TwoLinks {
  protected:
    std::optional<InterfaceAddress> find(const char* address) {
        const auto all = netlink.addresses().value();
        const auto wanted = Address::parse(address).value();
        const auto found = std::ranges::find_if(
            all, [&](const auto& present) { return present.address.address == wanted; });
        return found == all.end() ? std::nullopt : std::optional(*found);
    }
    AddressRequest on_wan(const char* prefix, const char* label) {
        return {Prefix::parse(prefix).value(), wan.index, label, 0x53};
    }

    Netlink netlink = Netlink::open().value();
    Link wan = netlink.link("wan0").value();
    Link lan = netlink.link("lan0").value();
};

TEST_F(NetlinkTest, lists_links_as_they_are) {
    testing::run("ip link add br0 type bridge && ip link set wan0 mtu 1400 master br0 down");
    const auto links = netlink.links();
    ASSERT_TRUE(links);
    const auto found = std::ranges::find(*links, "wan0", &Link::name);
    ASSERT_NE(found, links->end());
    EXPECT_EQ(found->index, wan.index);
    EXPECT_EQ(found->mac->to_string(), "02:00:00:00:00:01");
    EXPECT_EQ(found->mtu, 1400U);
    EXPECT_EQ(found->kind, "veth");
    EXPECT_FALSE(found->up);
    EXPECT_EQ(found->master, netlink.link("br0")->index);
    EXPECT_FALSE(netlink.link("lo")->mac);
}

TEST_F(NetlinkTest, a_missing_link_is_named) {
    for (const auto* name : {"eth9", "", "a-name-of-more-than-15-characters"}) {
        const auto link = netlink.link(name);
        ASSERT_FALSE(link);
        EXPECT_THAT(link.error().message, HasSubstr(std::string("\"") + name + "\""));
    }
}

TEST_F(NetlinkTest, adds_an_address_with_everything_and_removes_it) {
    ASSERT_TRUE(netlink.add_address(on_wan("192.0.2.80/24", "wan0:1")));
    const auto there = find("192.0.2.80");
    ASSERT_TRUE(there);
    EXPECT_EQ(*there, (InterfaceAddress{Prefix::parse("192.0.2.80/24").value(), wan.index, "wan0:1",
                                        0x53, false}));
    testing::run("ip -4 addr show wan0 | grep -q 'brd 192.0.2.255 scope global wan0:1'");

    ASSERT_TRUE(netlink.remove_address(on_wan("192.0.2.80/24", "wan0:1")));
    EXPECT_FALSE(find("192.0.2.80"));
    EXPECT_TRUE(netlink.remove_address(on_wan("192.0.2.80/24", "wan0:1")));
}

TEST_F(NetlinkTest, an_ipv6_address_is_usable_at_once) {
    ASSERT_TRUE(netlink.add_address(on_wan("2001:db8::80/64", "")));
    EXPECT_EQ(find("2001:db8::80")->protocol, 0x53);
    testing::run("! ip -6 addr show wan0 | grep 2001 | grep -q tentative");
    ASSERT_TRUE(netlink.remove_address(on_wan("2001:db8::80/64", "")));
    EXPECT_FALSE(find("2001:db8::80"));
}

TEST_F(NetlinkTest, the_kernel_takes_no_added_ipv6_address_for_its_own_connections) {
    testing::run("ip addr add 2001:db8::1/64 dev wan0 nodad");
    ASSERT_TRUE(netlink.add_address(on_wan("2001:db8::80/64", "")));
    testing::run("ip -6 route get 2001:db8::81 | grep -q 'src 2001:db8::1 '");
    testing::run(
        "ip -6 addr show dev wan0 deprecated | grep -q 'valid_lft forever preferred_lft 0sec'");
}

TEST_F(NetlinkTest, a_refusal_says_what_and_why) {
    ASSERT_TRUE(netlink.add_address(on_wan("192.0.2.80/24", "")));
    const auto twice = netlink.add_address(on_wan("192.0.2.80/24", ""));
    ASSERT_FALSE(twice);
    EXPECT_THAT(twice.error().message, HasSubstr("192.0.2.80"));
    EXPECT_THAT(twice.error().message, HasSubstr("File exists"));

    auto nowhere = on_wan("192.0.2.81/24", "");
    nowhere.interface_index = 9999;
    EXPECT_THAT(netlink.add_address(nowhere).error().message, HasSubstr("No such device"));
    EXPECT_FALSE(netlink.add_address(on_wan("192.0.2.81/24", "a-label-of-16-ch")));
}

TEST_F(NetlinkTest, the_kernels_extended_text_is_in_the_error) {
    auto wrong = on_wan("192.0.2.81/24", "");
    wrong.address.length = 77;
    EXPECT_THAT(netlink.add_address(wrong).error().message, HasSubstr("(ipv4: Invalid prefix"));
}

TEST_F(NetlinkTest, looks_up_routes) {
    testing::run(
        "ip addr add 10.11.12.254/24 dev lan0 && ip route add 10.20.0.0/16 via 10.11.12.9");
    testing::run("ip route add blackhole 10.21.0.0/16 && ip route add prohibit 10.22.0.0/16");
    const auto look_up = [&](const char* to) {
        return netlink.route(Address::parse(to).value()).value();
    };
    const auto source = Address::parse("10.11.12.254").value();
    EXPECT_EQ(look_up("10.11.12.1"), (Route{false, lan.index, std::nullopt, source}));
    EXPECT_EQ(look_up("10.20.1.1"),
              (Route{false, lan.index, Address::parse("10.11.12.9").value(), source}));
    EXPECT_TRUE(look_up("10.11.12.254")->local);
    const auto length = [&](const char* to) {
        return netlink.route_length(Address::parse(to).value()).value();
    };
    EXPECT_EQ(length("10.20.1.1"), 16U);
    EXPECT_EQ(length("203.0.113.1"), 0U) << "there is none";
    testing::run("ip route add default via 10.11.12.9");
    EXPECT_EQ(length("203.0.113.1"), 0U);
    testing::run("ip route del default");
    for (const auto* nowhere : {"203.0.113.1", "10.21.0.1", "10.22.0.1", "2001:db8::1"}) {
        EXPECT_EQ(look_up(nowhere), std::nullopt) << nowhere;
    }
}

TEST_F(NetlinkTest, finds_neighbours_one_and_all) {
    testing::run("ip addr add 10.11.12.254/24 dev lan0");
    testing::run("ip neigh add 10.11.12.1 dev lan0 lladdr 02:00:00:00:09:01 nud permanent");
    const auto address = Address::parse("10.11.12.1").value();
    const Neighbour expected{lan.index, address, MacAddress{{2, 0, 0, 0, 9, 1}}, NUD_PERMANENT};
    EXPECT_EQ(netlink.neighbour(lan.index, address).value(), expected);
    EXPECT_THAT(netlink.neighbours().value(), ::testing::Contains(expected));
    EXPECT_EQ(netlink.neighbour(wan.index, address).value(), std::nullopt);
    EXPECT_EQ(netlink.neighbour(9999, address).value(), std::nullopt);
}

TEST_F(NetlinkTest, lets_the_kernel_resolve_a_neighbour) {
    testing::run("ip addr add 10.11.12.254/24 dev lan0");
    servers.enter();
    testing::run("ip addr add 10.11.12.1/24 dev eth0");
    director.enter();
    const auto address = Address::parse("10.11.12.1").value();
    ASSERT_TRUE(netlink.resolve_neighbour(lan.index, address));
    EXPECT_TRUE(testing::eventually([&] {
        const auto neighbour = netlink.neighbour(lan.index, address).value();
        return neighbour && neighbour->mac == MacAddress{{2, 0, 0, 0, 1, 2}};
    }));
}

TEST_F(NetlinkTest, reads_a_table_of_many_datagrams) {
    testing::run(
        "for i in $(seq 1 250); do for j in 1 2 3 4; do echo addr add 10.$j.0.$i/8 dev lan0; done; "
        "done | ip -batch -");
    EXPECT_GE(netlink.addresses()->size(), 1000U);
    EXPECT_TRUE(find("10.4.0.250"));
}

}  // namespace
}  // namespace shoal::net

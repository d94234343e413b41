#include "redundancy/floating_addresses.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "net/arp.h"
#include "net/sysctl.h"
#include "net/testing_network.h"

namespace shoal::redundancy {
namespace {

using net::testing::run;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FloatingAddress on_wan(const char* prefix, const char* label) {
    return {net::Prefix::parse(prefix).value(), {"wan0", label}};
}

const auto vip_1 = on_wan("192.0.2.80/24", "wan0:1");
const auto vip_2 = on_wan("192.0.2.81/24", "wan0:2");
const auto vip_3 = on_wan("192.0.2.82/24", "wan0:3");
constexpr auto promote = "net.ipv4.conf.wan0.promote_secondaries";

class FloatingAddressesTest : public net::testing::TwoLinks {
  protected:
    FloatingAddressesTest() {
        EXPECT_TRUE(net::write_sysctl("net.ipv4.conf.all.promote_secondaries", 0));
        EXPECT_TRUE(net::write_sysctl(promote, 0));
        outside.enter();
        run("ip addr add 192.0.2.1/24 dev eth0");
        director.enter();
    }
    ~FloatingAddressesTest() override { std::filesystem::remove(state_file); }
    std::vector<FloatingAddress> observed() { return addresses.observe().value(); }
    /// "192.0.2.80/24 wan0:1" of every IPv4 address on wan0, as `ip` prints them.
    bool shown(const std::string& what) {
        return std::system(("ip -4 -o addr show dev wan0 | grep -qF '" + what + "'").c_str()) == 0;
    }

    std::string state_file =
        ::testing::TempDir() + "/shoal-addresses-" + std::to_string(getpid()) + ".json";
    FloatingAddresses addresses{state_file};
};

TEST_F(FloatingAddressesTest, an_address_comes_under_its_label_and_is_ours) {
    ASSERT_TRUE(addresses.add(vip_1));
    EXPECT_THAT(observed(), ElementsAre(vip_1));
    EXPECT_TRUE(shown("inet 192.0.2.80/24 brd 192.0.2.255 scope global wan0:1"));
    EXPECT_THAT(addresses.observe({vip_1, vip_2}).value(), ElementsAre(vip_1))
        << "once only, and not what nobody put there";

    ASSERT_TRUE(addresses.remove(vip_1));
    EXPECT_THAT(observed(), IsEmpty());
    EXPECT_FALSE(shown("192.0.2.80"));
    EXPECT_TRUE(addresses.remove(vip_1)) << "once more does no harm";
}

TEST_F(FloatingAddressesTest, an_address_is_announced_when_it_comes_and_when_asked) {
    const auto link = net::Netlink::open()->link("wan0").value();
    outside.enter();
    const net::testing::Capture capture(net::Netlink::open()->link("eth0")->index, ETH_P_ARP);
    director.enter();
    const auto& address = vip_1.address.address;
    ASSERT_TRUE(addresses.add(vip_1));
    EXPECT_THAT(capture.next(), ElementsAreArray(net::gratuitous_arp_request(address, *link.mac)));
    EXPECT_THAT(capture.next(), ElementsAreArray(net::gratuitous_arp_reply(address, *link.mac)));
    ASSERT_TRUE(addresses.announce(vip_1));
    EXPECT_THAT(capture.next(), ElementsAreArray(net::gratuitous_arp_request(address, *link.mac)));
    EXPECT_THAT(capture.next(), ElementsAreArray(net::gratuitous_arp_reply(address, *link.mac)));
}

TEST_F(FloatingAddressesTest, neighbours_reach_the_address) {
    ASSERT_TRUE(addresses.add(vip_1));
    outside.enter();
    EXPECT_TRUE(net::testing::eventually(
        [] { return std::system("ping -c 1 -W 1 192.0.2.80 >/dev/null") == 0; }));
    director.enter();
}

class RemovingOneOfANetwork : public FloatingAddressesTest,
                              public ::testing::WithParamInterface<int> {};

// The first one is the kernel's primary address, the others its secondaries.
TEST_P(RemovingOneOfANetwork, leaves_the_others_undisturbed) {
    std::vector<FloatingAddress> all{vip_1, vip_2, vip_3};
    for (const auto& vip : all)
        ASSERT_TRUE(addresses.add(vip));
    ASSERT_TRUE(addresses.remove(all[static_cast<std::size_t>(GetParam())]));
    all.erase(all.begin() + GetParam());
    EXPECT_THAT(observed(), ::testing::UnorderedElementsAreArray(all));
    outside.enter();
    for (const auto& vip : all) {
        run("ping -c 1 -W 5 " + vip.address.address.to_string() + " >/dev/null");
    }
    director.enter();
}
INSTANTIATE_TEST_SUITE_P(EachPosition, RemovingOneOfANetwork, ::testing::Values(0, 1, 2));

TEST_F(FloatingAddressesTest, the_others_stay_though_somebody_reset_the_sysctl) {
    ASSERT_TRUE(addresses.add(vip_1));
    ASSERT_TRUE(addresses.add(vip_2));
    ASSERT_TRUE(net::write_sysctl(promote, 0));
    ASSERT_TRUE(addresses.remove(vip_1));
    EXPECT_THAT(observed(), ElementsAre(vip_2));
}

TEST_F(FloatingAddressesTest, the_administrators_addresses_of_the_network_stay_too) {
    run("ip addr add 192.0.2.9/24 dev wan0");
    ASSERT_TRUE(addresses.add(vip_1));
    ASSERT_TRUE(addresses.withdraw());
    EXPECT_TRUE(shown("inet 192.0.2.9/24"));
    EXPECT_FALSE(shown("192.0.2.80"));
}

TEST_F(FloatingAddressesTest, what_the_administrator_put_there_stays_his) {
    for (const auto* his : {"192.0.2.80/24", "192.0.2.80/32"}) {
        run(std::string("ip addr add ") + his + " dev wan0");
        EXPECT_TRUE(addresses.add(vip_1));
        EXPECT_THAT(observed(), IsEmpty());
        EXPECT_THAT(addresses.observe({vip_1, vip_2}).value(), ElementsAre(vip_1));
        EXPECT_TRUE(addresses.remove(vip_1));
        EXPECT_TRUE(addresses.withdraw());
        EXPECT_TRUE(shown(std::string("inet ") + his));
        run(std::string("ip addr del ") + his + " dev wan0");
    }
}

TEST_F(FloatingAddressesTest, an_address_of_the_administrator_on_another_device_is_no_hindrance) {
    run("ip addr add 192.0.2.80/32 dev lo");
    EXPECT_THAT(addresses.observe({vip_1}).value(), IsEmpty());
    ASSERT_TRUE(addresses.add(vip_1));
    EXPECT_THAT(observed(), ElementsAre(vip_1));
}

TEST_F(FloatingAddressesTest, adding_again_changes_nothing) {
    ASSERT_TRUE(addresses.add(vip_1));
    ASSERT_TRUE(addresses.add(vip_1));
    EXPECT_THAT(observed(), ElementsAre(vip_1));
}

TEST_F(FloatingAddressesTest, another_label_or_prefix_wants_a_removal_first) {
    ASSERT_TRUE(addresses.add(vip_1));
    for (const auto& moved :
         {on_wan("192.0.2.80/24", "wan0:7"), on_wan("192.0.2.80/25", "wan0:1")}) {
        const auto refused = addresses.add(moved);
        ASSERT_FALSE(refused);
        EXPECT_THAT(refused.error().message, HasSubstr("192.0.2.80/24 (wan0:1)"));
        ASSERT_TRUE(addresses.remove(observed().front()));
        ASSERT_TRUE(addresses.add(moved));
        EXPECT_THAT(observed(), ElementsAre(moved));
        ASSERT_TRUE(addresses.remove(moved));
        ASSERT_TRUE(addresses.add(vip_1));
    }
}

TEST_F(FloatingAddressesTest, a_missing_device_is_named) {
    const FloatingAddress nowhere{vip_1.address, {"eth9", "eth9:1"}};
    EXPECT_THAT(addresses.add(nowhere).error().message, HasSubstr("\"eth9\""));
    EXPECT_TRUE(addresses.remove(nowhere)) << "its addresses went with it";
}

TEST_F(FloatingAddressesTest, withdraw_by_a_later_process_leaves_nothing_behind) {
    ASSERT_TRUE(addresses.add(vip_1));
    ASSERT_TRUE(addresses.add(vip_2));
    ASSERT_TRUE(addresses.add({net::Prefix::parse("10.11.12.254/24").value(), {"lan0", "lan0:1"}}));
    EXPECT_EQ(net::read_sysctl(promote).value(), 1);
    FloatingAddresses later(state_file);
    EXPECT_EQ(later.observe()->size(), 3U);
    ASSERT_TRUE(later.withdraw());
    EXPECT_THAT(observed(), IsEmpty());
    EXPECT_EQ(net::read_sysctl(promote).value(), 0);
    EXPECT_FALSE(std::filesystem::exists(state_file));
}

TEST_F(FloatingAddressesTest, a_sysctl_that_was_right_before_stays) {
    ASSERT_TRUE(net::write_sysctl(promote, 1));
    ASSERT_TRUE(addresses.add(vip_1));
    ASSERT_TRUE(addresses.withdraw());
    EXPECT_EQ(net::read_sysctl(promote).value(), 1);
}

TEST_F(FloatingAddressesTest, withdraw_works_without_the_state_file) {
    ASSERT_TRUE(addresses.add(vip_1));
    std::ofstream(state_file) << "{ damaged";
    ASSERT_TRUE(addresses.withdraw());
    EXPECT_THAT(observed(), IsEmpty());
}

TEST_F(FloatingAddressesTest, an_ipv6_address_keeps_its_label_over_a_restart) {
    const auto vip = on_wan("2001:db8::80/64", "wan0:6");
    ASSERT_TRUE(addresses.add(vip));
    EXPECT_THAT(FloatingAddresses(state_file).observe().value(), ElementsAre(vip));
    EXPECT_THAT(FloatingAddresses(state_file + ".lost").observe().value(),
                ElementsAre(on_wan("2001:db8::80/64", "wan0")));
    ASSERT_TRUE(addresses.remove(vip));
    EXPECT_FALSE(std::filesystem::exists(state_file));
}

}  // namespace
}  // namespace shoal::redundancy

#include "redundancy/announcements.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "net/arp.h"
#include "net/testing_network.h"

namespace shoal::redundancy {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAreArray;

FloatingAddress vip(int number) {
    return {net::Prefix::parse(fmt::format("192.0.2.{}/24", number)).value(), {"wan0", "wan0:1"}};
}

class AnnouncementsTest : public net::testing::TwoLinks {
  protected:
    AnnouncementsTest() {
        outside.enter();
        capture.emplace(net::Netlink::open()->link("eth0")->index, ETH_P_ARP);
        director.enter();
    }
    ~AnnouncementsTest() override { std::filesystem::remove(state_file); }
    void expect_announced(int number) {
        const auto& ip = vip(number).address.address;
        EXPECT_THAT(capture->next(), ElementsAreArray(net::gratuitous_arp_request(ip, mac)));
        EXPECT_THAT(capture->next(), ElementsAreArray(net::gratuitous_arp_reply(ip, mac)));
    }

    net::MacAddress mac{{2, 0, 0, 0, 0, 1}};
    std::string state_file =
        ::testing::TempDir() + "/shoal-announcements-" + std::to_string(getpid()) + ".json";
    std::optional<net::testing::Capture> capture;
    FloatingAddresses addresses{state_file};
    boost::asio::io_context loop;
    Announcements announcements{loop, addresses};
};

TEST_F(AnnouncementsTest, an_address_is_announced_three_times_a_second_apart) {
    const auto start = std::chrono::steady_clock::now();
    announcements.repeat(vip(80));
    EXPECT_EQ(loop.run(), 3U);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 3s);
    for (int times = 0; times < 3; ++times)
        expect_announced(80);
}

TEST_F(AnnouncementsTest, others_get_the_loop_between_two_turns_of_many_addresses) {
    for (int number = 1; number <= 100; ++number)
        announcements.repeat(vip(number));
    ASSERT_EQ(loop.run_one(), 1U);
    bool others_ran = false;
    boost::asio::post(loop, [&] { others_ran = true; });
    ASSERT_EQ(loop.run_one(), 1U);
    EXPECT_TRUE(others_ran);
    ASSERT_EQ(loop.run_one(), 1U);
    for (int number = 1; number <= 100; ++number)
        expect_announced(number);
    EXPECT_GE(loop.run(), 3U) << "200 more do not fit into the two turns of two rounds";
}

TEST_F(AnnouncementsTest, the_addresses_of_a_device_that_came_up_are_announced) {
    ASSERT_TRUE(addresses.add(vip(80)));
    expect_announced(80);
    announcements.device_came_up("lan0");
    EXPECT_EQ(loop.poll(), 0U);
    announcements.device_came_up("wan0");
    loop.restart();
    EXPECT_EQ(loop.run_one(), 1U);
    expect_announced(80);
    announcements.stop();
}

}  // namespace
}  // namespace shoal::redundancy

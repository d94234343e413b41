#include "net/netlink_events.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "net/netlink.h"
#include "net/testing_network.h"

namespace shoal::net {
namespace {

using namespace std::chrono_literals;

class NetlinkEventsTest : public testing::TwoLinks {
  protected:
    void open(int receive_buffer = NetlinkEvents::default_receive_buffer) {
        NetlinkEvents::Handlers handlers;
        handlers.changed = [this](std::span<const NetlinkEvent> events) {
            seen.insert(seen.end(), events.begin(), events.end());
        };
        handlers.lost = [this] {
            ++lost;
            seen_before_lost = seen.size();
        };
        subscription.emplace(
            NetlinkEvents::open(context.get_executor(), std::move(handlers), receive_buffer)
                .value());
    }
    /// Runs the loop until the condition holds.
    template <class Condition>
    bool run_until(Condition&& holds) {
        return testing::eventually([&] {
            context.run_for(1ms);
            return holds();
        });
    }
    /// Runs the loop until an event of the type was seen for which `matches` holds.
    template <class Event, class Matches>
    bool saw(Matches&& matches) {
        return run_until([&] {
            return std::ranges::any_of(seen, [&](const NetlinkEvent& event) {
                const auto* wanted = std::get_if<Event>(&event);
                return wanted != nullptr && matches(*wanted);
            });
        });
    }

    Netlink netlink = Netlink::open().value();
    std::uint32_t lan = netlink.link("lan0").value().index;
    boost::asio::io_context context;
    std::vector<NetlinkEvent> seen;
    int lost = 0;
    std::size_t seen_before_lost = 0;
    std::optional<NetlinkEvents> subscription;
};

TEST_F(NetlinkEventsTest, tells_of_links) {
    open();
    testing::run("ip link set lan0 down");
    EXPECT_TRUE(saw<LinkChanged>([&](const LinkChanged& change) {
        return change.link.index == lan && change.link.name == "lan0" && !change.link.up;
    }));
    testing::run("ip link del lan0");
    EXPECT_TRUE(saw<LinkChanged>(
        [&](const LinkChanged& change) { return change.link.index == lan && change.removed; }));
}

TEST_F(NetlinkEventsTest, tells_of_addresses_and_the_routes_they_bring) {
    open();
    const AddressRequest address{Prefix::parse("10.11.12.254/24").value(), lan, "lan0:1", 0x53};
    const auto is_it = [&](const AddressChanged& change) {
        return change.address.label == "lan0:1" && change.address.protocol == 0x53 &&
               change.address.address == address.address;
    };
    ASSERT_TRUE(netlink.add_address(address));
    EXPECT_TRUE(saw<AddressChanged>(
        [&](const AddressChanged& change) { return is_it(change) && !change.removed; }));
    EXPECT_TRUE(saw<RouteChanged>([](RouteChanged) { return true; }));
    ASSERT_TRUE(netlink.remove_address(address));
    EXPECT_TRUE(saw<AddressChanged>(
        [&](const AddressChanged& change) { return is_it(change) && change.removed; }));
}

TEST_F(NetlinkEventsTest, tells_of_neighbours) {
    testing::run("ip addr add 10.11.12.254/24 dev lan0");
    open();
    testing::run("ip neigh add 10.11.12.1 dev lan0 lladdr 02:00:00:00:09:01 nud permanent");
    const Neighbour expected{lan, Address::parse("10.11.12.1").value(),
                             MacAddress{{2, 0, 0, 0, 9, 1}}, NUD_PERMANENT};
    EXPECT_TRUE(saw<NeighbourChanged>(
        [&](const NeighbourChanged& change) { return change.neighbour == expected; }));
    testing::run("ip neigh del 10.11.12.1 dev lan0");
    EXPECT_TRUE(saw<NeighbourChanged>([&](const NeighbourChanged& change) {
        return change.neighbour.address == expected.address && !change.neighbour.mac;
    }));
}

TEST_F(NetlinkEventsTest, tells_of_rules_and_next_hop_objects_as_routes) {
    testing::run("ip addr add 10.11.12.254/24 dev lan0");
    for (const auto* command : {"ip rule add from 192.0.2.80 lookup 100",
                                "ip nexthop add id 5 via 10.11.12.9 dev lan0"}) {
        open();
        seen.clear();
        testing::run(command);
        EXPECT_TRUE(saw<RouteChanged>([](RouteChanged) { return true; })) << command;
    }
}

TEST_F(NetlinkEventsTest, an_overflow_is_told_once_after_all_that_was_queued) {
    open(4096);
    testing::run(
        "for i in $(seq 1 250); do echo addr add 10.9.0.$i/8 dev lan0; done | ip -batch -");
    ASSERT_TRUE(run_until([&] { return lost > 0; }));
    EXPECT_EQ(lost, 1);
    EXPECT_LT(seen.size(), 250U);

    // It goes on afterwards.
    seen.clear();
    testing::run("ip link set wan0 mtu 1400");
    EXPECT_TRUE(
        saw<LinkChanged>([](const LinkChanged& change) { return change.link.mtu == 1400; }));
}

// More is queued than one turn of the loop reads; what was dropped is newer than all of it.
TEST_F(NetlinkEventsTest, an_overflow_is_told_after_a_long_queue) {
    open(1024 * 1024);
    testing::run(
        "for i in $(seq 1 250); do for j in 1 2 3 4 5 6 7 8; do echo addr add 10.$j.0.$i/8 dev "
        "lan0; done; done | ip -batch -");
    ASSERT_TRUE(run_until([&] { return lost > 0; }));
    EXPECT_GT(seen_before_lost, 1000U);
    testing::run("ip link set wan0 mtu 1400");
    ASSERT_TRUE(
        saw<LinkChanged>([](const LinkChanged& change) { return change.link.mtu == 1400; }));
    const auto network = Prefix::parse("10.0.0.0/8").value();
    EXPECT_TRUE(std::ranges::none_of(
        std::span(seen).subspan(seen_before_lost), [&](const NetlinkEvent& event) {
            const auto* change = std::get_if<AddressChanged>(&event);
            return change != nullptr && network.contains(change->address.address.address);
        }));
}

TEST_F(NetlinkEventsTest, a_handler_may_close_it_and_no_other_runs_then) {
    int calls = 0;
    NetlinkEvents::Handlers handlers;
    handlers.changed = [&](std::span<const NetlinkEvent>) {
        ++calls;
        subscription.reset();
    };
    handlers.lost = [] { ADD_FAILURE(); };
    subscription.emplace(NetlinkEvents::open(context.get_executor(), handlers).value());
    testing::run("ip link set wan0 mtu 1400");
    EXPECT_TRUE(run_until([&] { return calls > 0; }));
    testing::run("ip link set wan0 mtu 1300");
    context.restart();
    EXPECT_EQ(context.run(), 0U) << "nothing is left to wait for";
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace shoal::net

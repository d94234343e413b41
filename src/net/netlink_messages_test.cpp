#include "net/netlink_messages.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace shoal::net {
namespace {

/// A message under construction, by libmnl: an implementation that is not ours.
class Built {
  public:
    explicit Built(std::uint16_t type, std::uint16_t flags = 0) {
        mnl_nlmsg_put_header(buffer_.data());
        header()->nlmsg_type = type;
        header()->nlmsg_flags = flags;
    }
    template <class Fixed>
    Built& fixed(const Fixed& value) {
        std::memcpy(mnl_nlmsg_put_extra_header(header(), sizeof value), &value, sizeof value);
        return *this;
    }
    Built& put(std::uint16_t type, const std::vector<std::uint8_t>& bytes) {
        mnl_attr_put(header(), type, bytes.size(), bytes.data());
        return *this;
    }
    Built& put_u32(std::uint16_t type, std::uint32_t value) {
        mnl_attr_put_u32(header(), type, value);
        return *this;
    }
    Built& put_text(std::uint16_t type, const char* text) {
        mnl_attr_put_strz(header(), type, text);
        return *this;
    }
    Built& put_kind(const char* kind) {
        auto* nest = mnl_attr_nest_start(header(), IFLA_LINKINFO);
        mnl_attr_put_strz(header(), IFLA_INFO_KIND, kind);
        mnl_attr_nest_end(header(), nest);
        return *this;
    }
    Bytes bytes() const {
        return Bytes(buffer_).first(reinterpret_cast<const nlmsghdr*>(buffer_.data())->nlmsg_len);
    }

  private:
    nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }
    alignas(nlmsghdr) std::array<std::byte, 1024> buffer_{};
};

const std::vector<std::uint8_t> mac_bytes{2, 0, 0, 0, 0, 1};
const MacAddress mac{{2, 0, 0, 0, 0, 1}};

Built link_message() {
    ifinfomsg info{};
    info.ifi_index = 7;
    info.ifi_type = ARPHRD_ETHER;
    info.ifi_flags = IFF_UP | IFF_LOWER_UP;
    Built message(RTM_NEWLINK);
    message.fixed(info).put_text(IFLA_IFNAME, "wan0").put(IFLA_ADDRESS, mac_bytes);
    message.put_u32(IFLA_MTU, 1500).put_u32(IFLA_MASTER, 3).put_kind("veth");
    return message;
}

Built address_message() {
    ifaddrmsg info{};
    info.ifa_family = AF_INET;
    info.ifa_prefixlen = 24;
    info.ifa_index = 7;
    info.ifa_flags = IFA_F_PERMANENT;
    Built message(RTM_DELADDR);
    message.fixed(info).put(IFA_LOCAL, {192, 0, 2, 80}).put(IFA_ADDRESS, {192, 0, 2, 80});
    message.put_text(IFA_LABEL, "wan0:1").put(IFA_PROTO, {0x53});
    message.put_u32(IFA_FLAGS, IFA_F_PERMANENT | IFA_F_SECONDARY);
    return message;
}

Built neighbour_message(int state) {
    ndmsg info{};
    info.ndm_family = AF_INET;
    info.ndm_ifindex = 7;
    info.ndm_state = static_cast<std::uint16_t>(state);
    Built message(RTM_NEWNEIGH);
    message.fixed(info).put(NDA_DST, {10, 11, 12, 1}).put(NDA_LLADDR, mac_bytes);
    return message;
}

Built route_message(unsigned char type) {
    rtmsg info{};
    info.rtm_family = AF_INET;
    info.rtm_type = type;
    Built message(RTM_NEWROUTE);
    message.fixed(info).put_u32(RTA_OIF, 7).put(RTA_GATEWAY, {10, 11, 12, 254});
    message.put(RTA_PREFSRC, {10, 11, 12, 9});
    return message;
}

Built refusal() {
    nlmsgerr error{};
    error.error = -EADDRNOTAVAIL;
    Built message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
    message.fixed(error).put_text(NLMSGERR_ATTR_MSG, "no such address");
    return message;
}

TEST(NetlinkMessages, a_link) {
    const Link expected{7, "wan0", mac, 1500, true, true, false, "veth", 3};
    EXPECT_EQ(parse_event(link_message().bytes()), NetlinkEvent(LinkChanged{expected, false}));
}

TEST(NetlinkMessages, a_bridge_port_that_leaves_is_no_link_that_vanished) {
    ifinfomsg info{};
    info.ifi_family = AF_BRIDGE;
    info.ifi_index = 7;
    EXPECT_EQ(parse_event(Built(RTM_DELLINK).fixed(info).bytes()), std::nullopt);
}

TEST(NetlinkMessages, an_address_with_label_and_owner) {
    const InterfaceAddress expected{Prefix::parse("192.0.2.80/24").value(), 7, "wan0:1", 0x53,
                                    true};
    EXPECT_EQ(parse_event(address_message().bytes()), NetlinkEvent(AddressChanged{expected, true}));
}

TEST(NetlinkMessages, the_local_end_of_a_point_to_point_address) {
    ifaddrmsg info{};
    info.ifa_family = AF_INET6;
    info.ifa_prefixlen = 128;
    const auto local = Address::parse("2001:db8::1").value();
    const auto remote = Address::parse("2001:db8::2").value();
    Built message(RTM_NEWADDR);
    message.fixed(info);
    message.put(IFA_ADDRESS, {remote.bytes().begin(), remote.bytes().end()});
    message.put(IFA_LOCAL, {local.bytes().begin(), local.bytes().end()});
    const auto event = parse_event(message.bytes());
    ASSERT_TRUE(event);
    EXPECT_EQ(std::get<AddressChanged>(*event).address.address.address, local);
}

TEST(NetlinkMessages, an_impossible_prefix_length_is_refused) {
    ifaddrmsg info{};
    info.ifa_family = AF_INET;
    info.ifa_prefixlen = 33;
    EXPECT_EQ(parse_event(Built(RTM_NEWADDR).fixed(info).put(IFA_LOCAL, {1, 2, 3, 4}).bytes()),
              std::nullopt);
}

TEST(NetlinkMessages, a_neighbour_has_a_mac_only_while_it_may_be_used) {
    for (const int state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT}) {
        const auto event = parse_event(neighbour_message(state).bytes());
        ASSERT_TRUE(event);
        EXPECT_EQ(std::get<NeighbourChanged>(*event).neighbour.mac, mac) << state;
    }
    for (const int state : {NUD_NONE, NUD_INCOMPLETE, NUD_FAILED}) {
        const auto event = parse_event(neighbour_message(state).bytes());
        ASSERT_TRUE(event);
        EXPECT_EQ(std::get<NeighbourChanged>(*event).neighbour.mac, std::nullopt) << state;
    }
}

TEST(NetlinkMessages, a_route_by_a_gateway) {
    const Route expected{false, 7, Address::parse("10.11.12.254").value(),
                         Address::parse("10.11.12.9").value(), 0};
    EXPECT_EQ(parse_route(route_message(RTN_UNICAST).bytes()), expected);
    EXPECT_TRUE(parse_route(route_message(RTN_LOCAL).bytes())->local);
    EXPECT_EQ(parse_route(route_message(RTN_BLACKHOLE).bytes()), std::nullopt);
}

TEST(NetlinkMessages, a_route_with_an_mtu_of_its_own) {
    auto message = route_message(RTN_UNICAST);
    message.put(RTA_METRICS,
                {8, 0, RTAX_HOPLIMIT, 0, 9, 0, 0, 0, 8, 0, RTAX_MTU, 0, 0x78, 5, 0, 0});
    EXPECT_EQ(parse_route(message.bytes())->mtu, 1400U);
}

TEST(NetlinkMessages, the_interfaces_of_a_route_that_a_router_advertised) {
    rtmsg info{};
    info.rtm_family = AF_INET6;
    info.rtm_type = RTN_UNICAST;
    info.rtm_protocol = RTPROT_RA;
    EXPECT_THAT(parse_advertised_route(Built(RTM_NEWROUTE).fixed(info).put_u32(RTA_OIF, 7).bytes()),
                ::testing::ElementsAre(7));
    // Two next hops: length, flags, hops, interface.
    const std::vector<std::uint8_t> hops{8, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0};
    EXPECT_THAT(
        parse_advertised_route(Built(RTM_NEWROUTE).fixed(info).put(RTA_MULTIPATH, hops).bytes()),
        ::testing::ElementsAre(7, 9));
    EXPECT_THAT(parse_advertised_route(route_message(RTN_UNICAST).bytes()), ::testing::IsEmpty());
}

TEST(NetlinkMessages, an_ipv6_gateway_for_an_ipv4_route) {
    rtmsg info{};
    info.rtm_family = AF_INET;
    info.rtm_type = RTN_UNICAST;
    const auto gateway = Address::parse("fe80::1").value();
    std::vector<std::uint8_t> via{AF_INET6, 0};
    via.insert(via.end(), gateway.bytes().begin(), gateway.bytes().end());
    const auto route =
        parse_route(Built(RTM_NEWROUTE).fixed(info).put_u32(RTA_OIF, 7).put(RTA_VIA, via).bytes());
    ASSERT_TRUE(route);
    EXPECT_EQ(route->gateway, gateway);
}

TEST(NetlinkMessages, the_kernels_own_words_in_a_refusal) {
    const auto answer = parse_acknowledgement(refusal().bytes());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->error_number, EADDRNOTAVAIL);
    EXPECT_EQ(answer->text, "no such address");
    EXPECT_EQ(parse_acknowledgement(link_message().bytes()), std::nullopt);
}

TEST(NetlinkMessages, no_truncation_is_read_beyond_its_end) {
    const std::vector<Built> messages{link_message(), address_message(),
                                      neighbour_message(NUD_REACHABLE), route_message(RTN_UNICAST),
                                      refusal()};
    for (const auto& message : messages) {
        for (std::size_t length = 0; length < message.bytes().size(); ++length) {
            // On the heap and of exactly this length, so that a sanitizer sees one byte too many.
            const std::vector<std::byte> cut(
                message.bytes().begin(),
                message.bytes().begin() + static_cast<std::ptrdiff_t>(length));
            EXPECT_TRUE(split_messages(cut).empty());
            (void)parse_event(cut);
            (void)parse_route(cut);
            (void)parse_advertised_route(cut);
            (void)parse_acknowledgement(cut);
        }
    }
}

TEST(NetlinkMessages, a_datagram_is_cut_into_its_messages) {
    std::vector<std::byte> datagram;
    for (int count = 0; count < 3; ++count) {
        const auto message = link_message();
        datagram.insert(datagram.end(), message.bytes().begin(), message.bytes().end());
    }
    EXPECT_EQ(split_messages(datagram).size(), 3U);
    datagram.resize(datagram.size() - 1);
    EXPECT_EQ(split_messages(datagram).size(), 2U);
}

}  // namespace
}  // namespace shoal::net

#include "dataplane/bpf/bpf_check_ways.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "dataplane/bpf/kernel_fixture.h"

namespace shoal::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Frame = std::vector<std::uint8_t>;

CheckPlaces at(const char* device, bool ipv6 = false) {
    return {.devices = {device}, .ipv4 = true, .ipv6 = ipv6};
}

/// wan0, with the packet path's qdisc, leads to client0, where the test plays the real server
/// 10.0.0.1.
class BpfCheckWaysTest : public KernelFixture {
  protected:
    void SetUp() override {
        KernelFixture::SetUp();
        run("ip link set lo up && ip address add 192.0.2.80/32 dev lo");
        run("ip link add wan0 type veth peer name client0");
        run("ip link set wan0 up && ip link set client0 up");
        run("ip address add 10.0.0.254/24 dev wan0");
        run("ip neighbour replace 10.0.0.1 lladdr 02:00:00:00:00:10 dev wan0 nud permanent");
        run("tc qdisc add dev wan0 clsact");
    }

    static std::string filters(const char* side) {
        return output_of(std::string("tc filter show dev wan0 ") + side);
    }
    void expect_served() {
        EXPECT_THAT(filters("egress"), HasSubstr("shoal_check_out"));
        EXPECT_THAT(filters("ingress"), HasSubstr("shoal_check_in"));
    }
    static void expect_nothing() {
        EXPECT_THAT(filters("egress"), IsEmpty());
        EXPECT_THAT(filters("ingress"), IsEmpty());
    }
    static void serve(BpfCheckWays& ways, const CheckPlaces& places) {
        const auto done = ways.serve(places);
        EXPECT_TRUE(done) << done.error().message;
    }

    BpfCheckWays ways_;
};

TEST_F(BpfCheckWaysTest, filters_stand_where_they_are_wanted_and_nowhere_else) {
    serve(ways_, at("wan0"));
    expect_served();
    serve(ways_, {.devices = {"client0"}, .ipv4 = false, .ipv6 = false});
    expect_nothing();
}

TEST_F(BpfCheckWaysTest, each_family_has_filters_of_its_own) {
    serve(ways_, at("wan0", true));
    EXPECT_THAT(filters("egress"), AllOf(HasSubstr("handle 0x4 "), HasSubstr("handle 0x6 ")));
    serve(ways_, at("wan0"));
    EXPECT_THAT(filters("egress"), AllOf(HasSubstr("handle 0x4 "), Not(HasSubstr("handle 0x6 "))));
}

TEST_F(BpfCheckWaysTest, what_somebody_took_away_comes_back) {
    serve(ways_, at("wan0"));
    run("tc filter delete dev wan0 egress");
    serve(ways_, at("wan0"));
    expect_served();
}

TEST_F(BpfCheckWaysTest, an_earlier_process_leaves_nothing) {
    serve(ways_, at("wan0"));
    BpfCheckWays next;
    const auto before = filters("egress");
    serve(next, at("wan0"));
    EXPECT_NE(filters("egress"), before) << "the next one's programs";
    expect_served();
    BpfCheckWays last;
    serve(last, {});
    expect_nothing();
}

TEST_F(BpfCheckWaysTest, withdrawing_the_data_plane_takes_them_along) {
    run("tc qdisc delete dev wan0 clsact");
    const auto dataplane = open();
    apply(*dataplane, AttachHook{"wan0", model::HookChoice::tc});
    ASSERT_TRUE(dataplane->check_ways().serve(at("wan0")));
    expect_served();
    ASSERT_TRUE(dataplane->withdraw());
    EXPECT_THAT(output_of("tc qdisc show dev wan0"), Not(HasSubstr("clsact")));
}

TEST_F(BpfCheckWaysTest, they_do_not_keep_the_qdisc_of_a_hook_that_goes) {
    run("tc qdisc delete dev wan0 clsact");
    const auto dataplane = open();
    apply(*dataplane, AttachHook{"wan0", model::HookChoice::tc});
    ASSERT_TRUE(dataplane->check_ways().serve(at("wan0")));
    apply(*dataplane, DetachHook{"wan0"});
    EXPECT_THAT(output_of("tc qdisc show dev wan0"), Not(HasSubstr("clsact")));
}

TEST_F(BpfCheckWaysTest, a_device_without_the_packet_paths_qdisc_is_an_error) {
    run("tc qdisc delete dev wan0 clsact");
    EXPECT_THAT(ways_.serve(at("wan0")).error().message, HasSubstr("wan0"));
}

// ---- A check

Descriptor udp_socket() {
    return Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

void connect_to(int socket, const char* address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(53);
    inet_pton(AF_INET, address, &to.sin_addr);
    ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
}

/// All that comes in by client0.
Descriptor open_wire() {
    Descriptor wire(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll place{};
    place.sll_family = AF_PACKET;
    place.sll_protocol = htons(ETH_P_ALL);
    place.sll_ifindex = static_cast<int>(::if_nametoindex("client0"));
    EXPECT_EQ(::bind(wire.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
    return wire;
}

bool is_readable(int socket) {
    constexpr int patience_ms = 10'000;
    pollfd poll{.fd = socket, .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, patience_ms) == 1;
}

/// The next datagram of UDP on the wire; IPv6 has its own things to say there.
Frame next_datagram(int wire) {
    while (is_readable(wire)) {
        Frame frame(2048);
        const auto length = ::recv(wire, frame.data(), frame.size(), 0);
        frame.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        if (frame.size() > 42 && frame[12] == 0x08 && frame[13] == 0 && frame[23] == IPPROTO_UDP)
            return frame;
    }
    return {};
}

std::string destination(const Frame& frame) {
    std::array<char, INET_ADDRSTRLEN> text{};
    return frame.size() < 34 ? "" : inet_ntop(AF_INET, &frame[30], text.data(), INET_ADDRSTRLEN);
}

/// The same words back, without a UDP checksum.
void answer(int wire, Frame frame) {
    std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
    std::swap_ranges(frame.begin() + 26, frame.begin() + 30, frame.begin() + 30);
    std::swap_ranges(frame.begin() + 34, frame.begin() + 36, frame.begin() + 36);
    frame[40] = frame[41] = 0;
    ASSERT_GT(::send(wire, frame.data(), frame.size(), 0), 0);
}

TEST_F(BpfCheckWaysTest, a_socket_asks_the_virtual_address_and_hears_its_answer) {
    serve(ways_, at("wan0"));
    const auto wire = open_wire();
    const auto socket = udp_socket();
    const auto lead = ways_.lead(socket.get(), address("10.0.0.1"), {address("192.0.2.80")});
    ASSERT_TRUE(lead) << lead.error().message;
    connect_to(socket.get(), "10.0.0.1");
    ASSERT_EQ(::send(socket.get(), "ping", 4, 0), 4);
    const auto asked = next_datagram(wire.get());
    EXPECT_EQ(destination(asked), "192.0.2.80");
    answer(wire.get(), asked);
    ASSERT_TRUE(is_readable(socket.get()));
    std::array<char, 16> heard{};
    EXPECT_EQ(::recv(socket.get(), heard.data(), heard.size(), 0), 4);
    EXPECT_EQ(ways_.end(*lead), 1U);
    EXPECT_EQ(ways_.end(*lead), 0U) << "over";
}

TEST_F(BpfCheckWaysTest, other_sockets_ask_the_real_servers_own_address) {
    serve(ways_, at("wan0"));
    const auto wire = open_wire();
    const auto socket = udp_socket();
    connect_to(socket.get(), "10.0.0.1");
    ASSERT_EQ(::send(socket.get(), "ping", 4, 0), 4);
    EXPECT_EQ(destination(next_datagram(wire.get())), "10.0.0.1");
}

TEST_F(BpfCheckWaysTest, what_did_not_go_that_way_is_told) {
    serve(ways_, at("wan0"));
    const auto socket = udp_socket();
    const auto lead = ways_.lead(socket.get(), address("10.0.0.1"), {address("192.0.2.80")});
    run("tc filter delete dev wan0 egress");
    connect_to(socket.get(), "10.0.0.1");
    ASSERT_EQ(::send(socket.get(), "ping", 4, 0), 4);
    EXPECT_EQ(ways_.end(*lead), 0U);
}

TEST_F(BpfCheckWaysTest, nobody_is_led_where_nothing_is_served) {
    const auto socket = udp_socket();
    EXPECT_FALSE(ways_.lead(socket.get(), address("10.0.0.1"), {address("192.0.2.80")}));
    serve(ways_, at("wan0"));
    EXPECT_FALSE(ways_.lead(socket.get(), address("2001:db8::1"), {address("2001:db8::80")}));
    EXPECT_FALSE(ways_.lead(-1, address("10.0.0.1"), {address("192.0.2.80")}));
}

}  // namespace
}  // namespace shoal::dataplane

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "check_way_abi.h"
#include "dataplane/bpf/check_programs.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/testing/packet_path.h"

// Checks that go to the virtual address (bpf/check_way.h), packet by packet.

namespace shoal::dataplane::testing {
namespace {

constexpr char director[] = "10.0.0.254";
constexpr char real[] = "10.0.0.1";
constexpr char virtual_address[] = "192.0.2.80";
/// The loopback device's: a test run takes the packet for one that arrived there.
constexpr Mac neighbour{};
constexpr char director_v6[] = "2001:db8:a::fe";
constexpr char real_v6[] = "2001:db8:a::1";
constexpr char virtual_v6[] = "2001:db8:80::80";

CheckPrograms must_load(std::uint32_t family, const CheckPrograms* sharing) {
    auto programs = load_check_programs(family, sharing);
    if (!programs) throw std::runtime_error(programs.error().message);
    return std::move(*programs);
}

shoal_check check_of(const char* from, const char* to, shoal_method method,
                     shoal_tunnel tunnel = SHOAL_TUNNEL_IPIP) {
    shoal_check check{};
    put_address(check.virtual_address, net::Address::parse(to).value());
    put_address(check.real_address, net::Address::parse(from).value());
    check.method = static_cast<__u8>(method);
    check.tunnel = static_cast<__u8>(tunnel);
    check.tunnel_port = htons(tunnel_port);
    return check;
}

class CheckWaysTest : public ::testing::Test {
  protected:
    struct Sent {
        std::uint32_t action = 0;
        Bytes packet;
    };

    static Sent run(const Descriptor& program, const Bytes& packet) {
        Sent sent{.action = 0, .packet = Bytes(packet.size() + 128)};
        bpf_test_run_opts options{};
        options.sz = sizeof options;
        options.data_in = packet.data();
        options.data_size_in = static_cast<__u32>(packet.size());
        options.data_out = sent.packet.data();
        options.data_size_out = static_cast<__u32>(sent.packet.size());
        if (bpf_prog_test_run_opts(program.get(), &options) != 0)
            throw std::runtime_error("the program did not run");
        sent.packet.resize(options.data_size_out);
        sent.action = options.retval;
        return sent;
    }

    static std::uint64_t newest_cookie() {
        const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        std::uint64_t cookie = 0;
        socklen_t length = sizeof cookie;
        if (getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0)
            throw std::runtime_error("a socket has no cookie");
        return cookie;
    }

    /// A test run has a socket of its own, whose cookie follows the last one that this CPU gave
    /// out, unless others ask for some meanwhile: one of the next thousand, or we try again, up to
    /// `attempts` times: a packet that is left as it is says nothing of its socket.
    Sent send_as_check(const Descriptor& program, const shoal_check& check, const Bytes& packet,
                       int attempts = 1000) {
        pin_to_cpu(0);
        constexpr std::uint64_t guesses = 1000;
        for (;;) {
            const auto first = newest_cookie() + 1;
            for (std::uint64_t cookie = first; cookie < first + guesses; ++cookie) {
                if (bpf_map_update_elem(programs_.checks.get(), &cookie, &check, BPF_ANY) != 0)
                    throw std::runtime_error("no room for a check");
            }
            auto sent = run(program, packet);
            std::uint64_t packets = 0;
            for (std::uint64_t cookie = first; cookie < first + guesses; ++cookie) {
                shoal_check end{};
                bpf_map_lookup_elem(programs_.checks.get(), &cookie, &end);
                packets += end.packets;
                if (end.packets != 0) cookie_ = cookie;
                if (end.packets == 0) bpf_map_delete_elem(programs_.checks.get(), &cookie);
            }
            if (packets != 0 || sent.action != tc_unspec || --attempts == 0) return sent;
        }
    }

    CheckPrograms programs_ = must_load(4, nullptr);
    CheckPrograms ipv6_ = must_load(6, &programs_);
    /// Of the last check that sent something.
    std::uint64_t cookie_ = 0;
};

TEST_F(CheckWaysTest, packets_of_other_sockets_pass_unchanged) {
    const auto packet = PacketBuilder::tcp({director, 40000}, {real, 80}, syn).build();
    const auto sent = run(programs_.out, packet);
    EXPECT_EQ(sent.action, tc_unspec);
    EXPECT_EQ(sent.packet, packet);
}

TEST_F(CheckWaysTest, under_direct_routing_they_go_to_the_virtual_address_by_the_same_neighbour) {
    const auto check = check_of(real, virtual_address, SHOAL_METHOD_DIRECT);
    const auto build = [](PacketBuilder packet) {
        return packet.macs(neighbour, director_mac).build();
    };
    const auto tcp = send_as_check(programs_.out, check,
                                   build(PacketBuilder::tcp({director, 40000}, {real, 80}, syn)));
    EXPECT_EQ(tcp.action, tc_unspec);
    EXPECT_EQ(tcp.packet,
              build(PacketBuilder::tcp({director, 40000}, {virtual_address, 80}, syn).ttl(63)));
    const auto udp = send_as_check(programs_.out, check,
                                   build(PacketBuilder::udp({director, 40000}, {real, 53})));
    EXPECT_EQ(udp.packet,
              build(PacketBuilder::udp({director, 40000}, {virtual_address, 53}).ttl(63)));
}

TEST_F(CheckWaysTest, of_ipv6_too) {
    const auto check = check_of(real_v6, virtual_v6, SHOAL_METHOD_DIRECT);
    const auto sent = send_as_check(
        ipv6_.out, check, PacketBuilder::tcp({director_v6, 40000}, {real_v6, 80}, syn).build());
    EXPECT_EQ(sent.action, tc_unspec);
    EXPECT_EQ(sent.packet,
              PacketBuilder::tcp({director_v6, 40000}, {virtual_v6, 80}, syn).ttl(63).build());
    const auto answer = PacketBuilder::tcp({virtual_v6, 80}, {director_v6, 40000}, syn | ack);
    EXPECT_EQ(run(ipv6_.in, answer.build()).packet,
              PacketBuilder(answer).from({real_v6, 80}).ttl(63).build());
}

/// Behind an outer header of `outer` bytes stands `inner`, without its Ethernet header.
void expect_inside(const Bytes& packet, std::size_t outer, const Bytes& inner) {
    ASSERT_EQ(packet.size(), inner.size() + outer);
    EXPECT_EQ(Bytes(packet.begin() + static_cast<std::ptrdiff_t>(14 + outer), packet.end()),
              Bytes(inner.begin() + 14, inner.end()));
    EXPECT_EQ(Bytes(packet.begin(), packet.begin() + 12), Bytes(inner.begin(), inner.begin() + 12))
        << "the MAC addresses are the kernel's";
}

TEST_F(CheckWaysTest, under_tunneling_they_go_inside_the_tunnel) {
    const auto packet = PacketBuilder::tcp({director, 40000}, {real, 80}, syn)
                            .macs(neighbour, director_mac)
                            .dont_fragment();
    const auto inner = PacketBuilder(packet).to({virtual_address, 80}).ttl(63).build();
    const auto sent_by = [&](shoal_tunnel tunnel) {
        const auto check = check_of(real, virtual_address, SHOAL_METHOD_TUNNEL, tunnel);
        const auto sent = send_as_check(programs_.out, check, packet.build());
        EXPECT_EQ(sent.action, tc_unspec);
        return sent.packet;
    };
    const auto ipip = sent_by(SHOAL_TUNNEL_IPIP);
    expect_inside(ipip, 20, inner);
    const auto outer = PacketBuilder::tcp({director, 0}, {real, 0}, 0)
                           .macs(neighbour, director_mac)
                           .dont_fragment()
                           .identification(0)
                           .ttl(63)
                           .protocol(4)
                           .body(Bytes(inner.begin() + 14, inner.end()))
                           .build();
    EXPECT_EQ(ipip, outer);
    expect_inside(sent_by(SHOAL_TUNNEL_GRE), 24, inner);
    const auto gue = sent_by(SHOAL_TUNNEL_GUE);
    expect_inside(gue, 32, inner);
    EXPECT_EQ(gue.at(36) << 8 | gue.at(37), tunnel_port);
}

TEST_F(CheckWaysTest, under_tunneling_of_ipv6_too) {
    const auto packet = PacketBuilder::udp({director_v6, 40000}, {real_v6, 53});
    const auto inner = PacketBuilder(packet).to({virtual_v6, 53}).ttl(63).build();
    const auto check = check_of(real_v6, virtual_v6, SHOAL_METHOD_TUNNEL);
    const auto sent = send_as_check(ipv6_.out, check, packet.build());
    EXPECT_EQ(sent.action, tc_unspec);
    expect_inside(sent.packet, 40, inner);
}

TEST_F(CheckWaysTest, answers_get_the_real_servers_address) {
    const auto check = check_of(real, virtual_address, SHOAL_METHOD_DIRECT);
    send_as_check(programs_.out, check,
                  PacketBuilder::tcp({director, 40000}, {real, 80}, syn).build());
    const auto answer = PacketBuilder::tcp({virtual_address, 80}, {director, 40000}, syn | ack);
    const auto taken = run(programs_.in, answer.build());
    EXPECT_EQ(taken.action, tc_unspec);
    EXPECT_EQ(taken.packet, PacketBuilder(answer).from({real, 80}).ttl(63).build());
}

TEST_F(CheckWaysTest, nothing_else_from_a_virtual_address_is_touched) {
    const auto check = check_of(real, virtual_address, SHOAL_METHOD_DIRECT);
    send_as_check(programs_.out, check,
                  PacketBuilder::tcp({director, 40000}, {real, 80}, syn).build());
    const auto expect_untouched = [&](const PacketBuilder& packet) {
        const auto taken = run(programs_.in, packet.build());
        EXPECT_EQ(taken.action, tc_unspec);
        EXPECT_EQ(taken.packet, packet.build());
    };
    using B = PacketBuilder;
    expect_untouched(B::tcp({virtual_address, 81}, {director, 40000}, ack));
    expect_untouched(B::tcp({virtual_address, 80}, {director, 40001}, ack));
    expect_untouched(B::tcp({virtual_address, 80}, {"10.0.0.253", 40000}, ack));
    expect_untouched(B::tcp({real, 80}, {director, 40000}, ack));
    expect_untouched(B::udp({virtual_address, 80}, {director, 40000}));
    expect_untouched(B::udp({virtual_address, 80}, {director, 40000}).fragment(0, true));
    expect_untouched(B::tcp({virtual_address, 80}, {director, 40000}, ack).cut_to(40));
}

TEST_F(CheckWaysTest, an_answer_after_the_end_of_its_check_is_not_touched) {
    const auto check = check_of(real, virtual_address, SHOAL_METHOD_DIRECT);
    send_as_check(programs_.out, check,
                  PacketBuilder::tcp({director, 40000}, {real, 80}, syn).build());
    ASSERT_EQ(bpf_map_delete_elem(programs_.checks.get(), &cookie_), 0);
    const auto late =
        PacketBuilder::tcp({virtual_address, 80}, {director, 40000}, syn | ack).build();
    EXPECT_EQ(run(programs_.in, late).packet, late);
}

TEST_F(CheckWaysTest, what_cannot_be_translated_does_not_reach_the_real_server) {
    const auto check = check_of(real, virtual_address, SHOAL_METHOD_DIRECT);
    const auto fragment =
        send_as_check(programs_.out, check,
                      PacketBuilder::udp({director, 40000}, {real, 53}).fragment(0, true).build());
    EXPECT_EQ(fragment.action, tc_shot);
}

/// At a device below the first one, and at the other family's program.
TEST_F(CheckWaysTest, what_was_translated_passes_when_it_comes_by_again) {
    const auto expect_passed = [&](const Descriptor& program, const shoal_check& check,
                                   const Bytes& packet) {
        constexpr int attempts = 5;
        const auto passed = send_as_check(program, check, packet, attempts);
        EXPECT_EQ(passed.action, tc_unspec);
        EXPECT_EQ(passed.packet, packet);
    };
    const auto asks = PacketBuilder::tcp({director, 40000}, {real, 80}, syn).build();
    const auto asks_v6 = PacketBuilder::tcp({director_v6, 40000}, {real_v6, 80}, syn).build();
    const auto check_v6 = check_of(real_v6, virtual_v6, SHOAL_METHOD_DIRECT);
    const auto direct = check_of(real, virtual_address, SHOAL_METHOD_DIRECT);
    expect_passed(programs_.out, direct, send_as_check(programs_.out, direct, asks).packet);
    expect_passed(programs_.out, check_v6, asks_v6);
    expect_passed(ipv6_.out, direct, asks);
    for (const auto tunnel : {SHOAL_TUNNEL_IPIP, SHOAL_TUNNEL_GUE, SHOAL_TUNNEL_GRE}) {
        const auto check = check_of(real, virtual_address, SHOAL_METHOD_TUNNEL, tunnel);
        expect_passed(programs_.out, check, send_as_check(programs_.out, check, asks).packet);
    }
}

}  // namespace
}  // namespace shoal::dataplane::testing

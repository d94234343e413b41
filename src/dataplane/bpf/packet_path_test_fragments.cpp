#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"

// Fragments in order, byte for byte, in both directions.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};

Bytes pattern(std::size_t length) {
    Bytes bytes(length);
    for (std::size_t i = 0; i < length; ++i)
        bytes[i] = static_cast<std::uint8_t>(i * 7);
    return bytes;
}

/// A datagram of three fragments: what it is made of, as the checksum of the first has to agree
/// with all of them.
class Datagram {
  public:
    Datagram(Endpoint from, Endpoint to, std::uint16_t identification, std::uint8_t protocol = 17)
        : from_(from), to_(to), identification_(identification), protocol_(protocol) {
        const auto builder =
            protocol == 17 ? PacketBuilder::udp(from, to) : PacketBuilder::tcp(from, to, syn);
        auto whole = builder;
        const auto frame = whole.payload(pattern(3000)).build();
        segment_ = quote(frame, frame.size() - 14);
        segment_.erase(segment_.begin(), segment_.begin() + 20);
    }
    static constexpr int count = 3;
    PacketBuilder fragment(int number) const {
        const std::size_t begin = static_cast<std::size_t>(number) * 1480;
        const std::size_t end = std::min(begin + 1480, segment_.size());
        return PacketBuilder::udp(from_, to_)
            .protocol(protocol_)
            .identification(identification_)
            .fragment(static_cast<std::uint16_t>(begin / 8), number + 1 < count)
            .body({segment_.begin() + static_cast<std::ptrdiff_t>(begin),
                   segment_.begin() + static_cast<std::ptrdiff_t>(end)});
    }

  private:
    Endpoint from_;
    Endpoint to_;
    std::uint16_t identification_;
    std::uint8_t protocol_;
    Bytes segment_;
};

class Fragments : public ::testing::Test {
  protected:
    PacketPath path;

    void expect_sent(const PacketBuilder& in, PacketBuilder out, const std::string& verdict) {
        const auto bytes = in.build();
        const auto left = path.run(Hook::xdp, bytes);
        EXPECT_EQ(left.verdict, "passed_up");
        EXPECT_EQ(left.packet, bytes);
        const auto outcome = path.run(Hook::tc, bytes);
        EXPECT_EQ(outcome.verdict, verdict);
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet, out.ttl(63).macs(server_mac, director_mac).build());
    }
    void expect_datagram(const Datagram& in, const Datagram& out, const std::string& first) {
        for (int number = 0; number < Datagram::count; ++number)
            expect_sent(in.fragment(number), out.fragment(number),
                        number == 0 ? first : "forwarded");
    }
};

TEST_F(Fragments, of_tcp_follow_the_first_one_to_the_real_server) {
    path.serve({{"10.0.0.1", 8080}});
    expect_datagram({client, vip, 1, 6}, {client, real, 1, 6}, "new_connection");
    expect_datagram({client, vip, 2, 6}, {client, real, 2, 6}, "forwarded");
}

TEST_F(Fragments, of_datagrams_keep_their_checksum_right) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    expect_datagram({client, vip, 1}, {client, real, 1}, "new_connection");
    expect_datagram({client, vip, 2}, {client, real, 2}, "forwarded");
    EXPECT_EQ(path.server_counters(0).packets_in, 6U);
    EXPECT_EQ(path.server_counters(0).bytes_in, 2 * (3 * 20 + 8 + 3000U));
    EXPECT_EQ(path.server_counters(0).connections, 1U);
}

TEST_F(Fragments, reach_a_direct_routing_server_as_they_are) {
    path.serve({{"10.0.0.1", 8080, SHOAL_METHOD_DIRECT}}, SHOAL_SCHEDULER_RR, 17);
    expect_datagram({client, vip, 1}, {client, vip, 1}, "new_connection");
}

TEST_F(Fragments, of_two_datagrams_may_be_mixed) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    const Datagram one{client, vip, 1}, other{client, vip, 2};
    for (int number = 0; number < Datagram::count; ++number) {
        EXPECT_NE(path.run(Hook::tc, one.fragment(number)).action, tc_shot);
        EXPECT_NE(path.run(Hook::tc, other.fragment(number)).action, tc_shot);
    }
    EXPECT_EQ(path.server_counters(0).packets_in, 6U);
}

TEST_F(Fragments, of_one_packet_scheduling_go_to_one_real_server) {
    const auto service = path.serve({{"10.0.0.1", 8080}, {"10.0.0.2"}}, SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    int before = 0;
    for (const std::uint16_t identification : std::initializer_list<std::uint16_t>{1, 2, 3, 4}) {
        const Datagram in{client, vip, identification};
        // The last byte of the destination.
        const int chosen = path.run(Hook::tc, in.fragment(0)).packet[33];
        EXPECT_NE(chosen, before);
        before = chosen;
        const Datagram out{client, chosen == 1 ? real : Endpoint{"10.0.0.2", 80}, identification};
        for (int number = 1; number < Datagram::count; ++number)
            expect_sent(in.fragment(number), out.fragment(number), "forwarded");
    }
    EXPECT_TRUE(path.live().empty());
}

TEST_F(Fragments, with_options_are_no_obstacle) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    const Bytes options{0x94, 4, 0, 0};
    const Datagram in{client, vip, 1}, out{client, real, 1};
    for (int number = 0; number < Datagram::count; ++number)
        expect_sent(in.fragment(number).ip_options(options),
                    out.fragment(number).ip_options(options),
                    number == 0 ? "new_connection" : "forwarded");
}

TEST_F(Fragments, change_no_state_after_the_first) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    const Datagram in{client, vip, 1};
    path.run(Hook::tc, in.fragment(0));
    const auto before = path.only_connection();
    path.age(20);
    path.run(Hook::tc, in.fragment(1));
    EXPECT_EQ(path.only_connection().word, before.word);
    EXPECT_EQ(path.only_connection().seen, before.seen - 20 * path.settings().hz);
}

TEST_F(Fragments, of_another_datagram_are_not_taken_along) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, Datagram(client, vip, 1).fragment(0));
    for (const auto& packet : {Datagram(client, vip, 2).fragment(1),
                               Datagram({"198.51.100.8", 40000}, vip, 1).fragment(1),
                               Datagram(client, vip, 1).fragment(1).protocol(6)}) {
        const auto outcome = path.run(Hook::tc, packet);
        EXPECT_EQ(outcome.verdict, "early_fragment");
        EXPECT_EQ(outcome.action, tc_shot);
    }
}

TEST_F(Fragments, of_a_removed_real_server_are_left_to_the_kernel_as_the_connection_is) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, Datagram(client, vip, 1).fragment(0));
    path.server(0).flags &= static_cast<std::uint8_t>(~SHOAL_SERVER_AVAILABLE);
    EXPECT_EQ(path.run(Hook::tc, Datagram(client, vip, 1).fragment(1)).verdict, "no_connection");
}

TEST_F(Fragments, do_not_follow_to_another_real_server_of_the_same_index) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, Datagram(client, vip, 1).fragment(0));
    path.server(0).address[0] ^= 1;
    EXPECT_EQ(path.run(Hook::tc, Datagram(client, vip, 1).fragment(1)).verdict, "early_fragment");
}

TEST_F(Fragments, without_a_way_are_dropped) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, Datagram(client, vip, 1).fragment(0));
    path.server(0).interface = 0;
    EXPECT_EQ(path.run(Hook::tc, Datagram(client, vip, 1).fragment(1)).verdict, "no_route");
}

TEST_F(Fragments, of_inconsistent_length_are_dropped) {
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, Datagram(client, vip, 1).fragment(0));
    for (const std::uint16_t length : std::initializer_list<std::uint16_t>{19, 1501})
        EXPECT_EQ(
            path.run(Hook::tc, Datagram(client, vip, 1).fragment(1).total_length(length)).verdict,
            "truncated");
    // One that would end beyond any datagram.
    EXPECT_EQ(
        path.run(Hook::tc, Datagram(client, vip, 1).fragment(1).fragment(8191, false)).verdict,
        "truncated");
    // One that lies over the TCP header (RFC 3128).
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack).fragment(1, false)).verdict,
              "truncated");
    // A first one that does not hold the TCP header tells nothing (RFC 1858).
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(client, vip)
                                     .protocol(6)
                                     .identification(7)
                                     .fragment(0, true)
                                     .body(Bytes(16)))
                  .verdict,
              "truncated");
}

TEST_F(Fragments, from_the_real_server_come_from_the_virtual_server) {
    Network network;
    network.add_route(std::string(client.address) + "/32", "172.31.0.2");
    network.add_neighbour("172.31.0.2", client_mac);
    path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, PacketBuilder::udp(client, vip));
    for (const std::uint16_t identification : std::initializer_list<std::uint16_t>{1, 2}) {
        const Datagram in{real, client, identification}, out{vip, client, identification};
        for (int number = 0; number < Datagram::count; ++number) {
            const auto outcome =
                path.run(Hook::tc, in.fragment(number).macs(network.mac(), server_mac).build(),
                         network.device());
            EXPECT_EQ(outcome.verdict, "replied");
            EXPECT_EQ(outcome.packet,
                      out.fragment(number).ttl(63).macs(client_mac, network.mac()).build());
        }
    }
    EXPECT_EQ(path.server_counters(0).packets_out, 6U);
}

}  // namespace
}  // namespace shoal::dataplane::testing

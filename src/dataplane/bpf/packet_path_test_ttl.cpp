#include <gtest/gtest.h>

#include <chrono>

#include "dataplane/bpf/testing/packet_path.h"

// A time to live that ends at the director: the sender learns of it, in moderation.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};
constexpr Mac sender_mac{0x02, 0, 0, 0, 0, 0x01};
constexpr Mac own_mac{};  // of the loopback device, which test runs come in by

class TimeToLive : public ::testing::Test {
  protected:
    PacketPath path;

    void open(std::uint8_t protocol = 6) {
        path.serve({{"10.0.0.1", 8080}}, SHOAL_SCHEDULER_RR, protocol);
        path.run(Hook::tc, protocol == 6 ? PacketBuilder::tcp(client, vip, syn)
                                         : PacketBuilder::udp(client, vip));
    }
    static PacketBuilder exceeded(std::string_view to, const Bytes& quoted) {
        return PacketBuilder::icmp(vip.address, to, 11, 0, 0, quoted)
            .tos(0xc0)
            .identification(0)
            .macs(sender_mac, own_mac);
    }
    /// Of a packet that is quoted whole.
    void expect_told(const PacketBuilder& packet, std::string_view sender) {
        const auto in = packet.build();
        EXPECT_EQ(path.run(Hook::xdp, in).verdict, "passed_up");
        const auto outcome = path.run(Hook::tc, in);
        EXPECT_EQ(outcome.verdict, "ttl_answered");
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet, exceeded(sender, quote(in, in.size() - 14)).build());
    }
};

TEST_F(TimeToLive, that_ends_here_is_told_to_the_client) {
    open();
    const auto state = path.only_connection();
    expect_told(PacketBuilder::tcp(client, vip, ack).ttl(1), client.address);
    expect_told(PacketBuilder::tcp(client, vip, fin).ttl(0), client.address);
    expect_told(PacketBuilder::tcp({client.address, 40001}, vip, syn).ttl(1), client.address);
    EXPECT_EQ(path.only_connection().word, state.word);
    EXPECT_EQ(path.server_counters(0).packets_in, 1U);
}

TEST_F(TimeToLive, that_ends_here_is_told_to_the_real_server_by_the_virtual_server) {
    open();
    expect_told(PacketBuilder::tcp(real, client, ack).ttl(1), real.address);
}

TEST_F(TimeToLive, of_datagrams_with_odd_lengths_and_options) {
    open(17);
    for (std::size_t length = 0; length < 9; ++length)
        expect_told(PacketBuilder::udp(client, vip).payload(Bytes(length, 0xa5)).ttl(1),
                    client.address);
    expect_told(PacketBuilder::udp(client, vip).ip_options({0x94, 4, 0, 0}).ttl(1), client.address);
    expect_told(PacketBuilder::udp(client, vip).fragment(0, true).ttl(1), client.address);
}

TEST_F(TimeToLive, of_large_packets_is_told_with_their_beginning) {
    open();
    const auto in = PacketBuilder::tcp(client, vip, ack).payload(Bytes(1400, 0x5a)).ttl(1).build();
    EXPECT_EQ(path.run(Hook::tc, in).packet, exceeded(client.address, quote(in, 504)).build());
    const auto outcome = path.run_aggregate(in, 3);
    EXPECT_EQ(outcome.packet, exceeded(client.address, quote(in, 504)).build());
}

TEST_F(TimeToLive, of_a_checksum_that_the_device_completes) {
    open();
    auto in = PacketBuilder::tcp(client, vip, ack).ttl(1).build();
    // What stands in the field until then: the sum of the pseudo header alone.
    Bytes pseudo(in.begin() + 26, in.begin() + 34);
    pseudo.insert(pseudo.end(), {0, 6, 0, static_cast<std::uint8_t>(in.size() - 34)});
    const auto seed = static_cast<std::uint16_t>(~internet_checksum(pseudo));
    in[50] = static_cast<std::uint8_t>(seed >> 8);
    in[51] = static_cast<std::uint8_t>(seed);
    auto out = path.run(Hook::tc, in).packet;
    ASSERT_EQ(out.size(), in.size() + 28);
    // As the device does it: sums from the quoted TCP header on, and writes into its checksum.
    const auto completed = internet_checksum(Bytes(out.begin() + 62, out.end()));
    out[78] = static_cast<std::uint8_t>(completed >> 8);
    out[79] = static_cast<std::uint8_t>(completed);
    EXPECT_EQ(internet_checksum(Bytes(out.begin() + 34, out.end())), 0);
}

TEST_F(TimeToLive, is_not_told_where_nobody_would_understand) {
    open();
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack).fragment(0, true));
    for (const auto& packet :
         {PacketBuilder::tcp(client, vip, ack).fragment(185, false).ttl(1),  // a later fragment
          PacketBuilder::tcp({"127.0.0.1", 9}, vip, syn).ttl(1),
          PacketBuilder::tcp({"224.0.0.1", 9}, vip, syn).ttl(1)}) {
        const auto outcome = path.run(Hook::tc, packet);
        EXPECT_EQ(outcome.action, tc_shot) << outcome.verdict;
    }
}

TEST_F(TimeToLive, is_told_a_bounded_number_of_times) {
    pin_to_cpu(0);
    open();
    const auto packet = PacketBuilder::tcp(client, vip, ack).ttl(1).build();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 20000; ++i)
        path.run_quietly(Hook::tc, packet);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    // One a millisecond, and as many more as begin or end within a jiffy, which has at most 10 ms.
    const double most = 50 + took.count() + 20;
    const auto verdicts = path.verdicts();
    EXPECT_LE(static_cast<double>(verdicts.at("ttl_answered")), most);
    EXPECT_GE(verdicts.at("ttl_answered"), 50U);
    EXPECT_EQ(verdicts.at("ttl_answered") + verdicts.at("ttl_expired"), 20000U);
}

}  // namespace
}  // namespace shoal::dataplane::testing

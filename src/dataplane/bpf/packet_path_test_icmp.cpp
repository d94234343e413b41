#include <gtest/gtest.h>

#include <initializer_list>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"

// ICMP errors about connections, byte for byte, in both directions.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};
constexpr std::string_view router = "203.0.113.5";

struct ErrorType {
    std::uint8_t type;
    std::uint8_t code;
    std::uint32_t info;
};
const ErrorType error_types[] = {{3, 0, 0}, {3, 1, 0},  {3, 3, 0},         {3, 4, 1300},
                                 {4, 0, 0}, {11, 0, 0}, {12, 0, 20U << 24}};
const ErrorType unreachable{3, 4, 1300};

PacketBuilder error(std::string_view from, std::string_view to, const PacketBuilder& about,
                    std::size_t quoted = 28, const ErrorType& type = unreachable) {
    return PacketBuilder::icmp(from, to, type.type, type.code, type.info,
                               quote(about.build(), quoted));
}

class IcmpErrors : public ::testing::Test {
  protected:
    PacketPath path;

    void open(std::uint8_t protocol = 6, shoal_method method = SHOAL_METHOD_NAT) {
        path.serve({{"10.0.0.1", 8080, method}}, SHOAL_SCHEDULER_RR, protocol);
        ASSERT_EQ(path.run(Hook::tc, protocol == 6 ? PacketBuilder::tcp(client, vip, syn)
                                                   : PacketBuilder::udp(client, vip))
                      .verdict,
                  "new_connection");
    }
    /// XDP leaves it to tc as it is; tc sends it to the real server.
    void expect_to_server(const PacketBuilder& in, const PacketBuilder& out) {
        const auto bytes = in.build();
        const auto left = path.run(Hook::xdp, bytes);
        EXPECT_EQ(left.verdict, "passed_up");
        EXPECT_EQ(left.packet, bytes);
        const auto outcome = path.run(Hook::tc, bytes);
        EXPECT_EQ(outcome.verdict, "icmp_to_server");
        EXPECT_EQ(outcome.action, tc_redirect);
        auto expected = out;
        EXPECT_EQ(outcome.packet, expected.ttl(63).macs(server_mac, director_mac).build());
    }
    void expect_passed(const PacketBuilder& in, const std::string& verdict) {
        const auto bytes = in.build();
        for (const auto hook : {Hook::xdp, Hook::tc}) {
            const auto outcome = path.run(hook, bytes);
            EXPECT_EQ(outcome.verdict, hook == Hook::tc ? verdict : "passed_up");
            EXPECT_EQ(outcome.action, hook == Hook::tc ? tc_unspec : xdp_pass);
            EXPECT_EQ(outcome.packet, bytes);
        }
    }
};

TEST_F(IcmpErrors, of_each_kind_go_to_the_real_server_about_its_own_packet) {
    open();
    for (const auto& type : error_types)
        expect_to_server(
            error(router, vip.address, PacketBuilder::tcp(vip, client, ack), 28, type),
            error(router, real.address, PacketBuilder::tcp(real, client, ack), 28, type));
}

TEST_F(IcmpErrors, translate_as_much_as_is_quoted) {
    open();
    const auto seen = PacketBuilder::tcp(vip, client, ack);
    const auto sent = PacketBuilder::tcp(real, client, ack);
    for (const std::size_t quoted : {28U, 36U})  // without the checksum
        expect_to_server(error(router, vip.address, seen, quoted),
                         error(router, real.address, sent, quoted));
    for (const std::size_t quoted : {38U, 40U, 43U, 45U})
        expect_to_server(error(router, vip.address, seen, quoted),
                         error(router, real.address, sent, quoted));
}

TEST_F(IcmpErrors, about_datagrams) {
    open(17);
    for (const bool checksum : {true, false}) {
        auto seen = PacketBuilder::udp(vip, client);
        auto sent = PacketBuilder::udp(real, client);
        if (!checksum) seen.no_checksum(), sent.no_checksum();
        for (const std::size_t quoted : {28U, 31U, 33U})
            expect_to_server(error(router, vip.address, seen, quoted),
                             error(router, real.address, sent, quoted));
    }
}

TEST_F(IcmpErrors, with_options_in_both_headers) {
    open();
    const Bytes outer{0x94, 4, 0, 0};
    const Bytes inner{7, 7, 4, 0, 0, 0, 0, 0};
    expect_to_server(
        error(router, vip.address, PacketBuilder::tcp(vip, client, ack).ip_options(inner), 36)
            .ip_options(outer),
        error(router, real.address, PacketBuilder::tcp(real, client, ack).ip_options(inner), 36)
            .ip_options(outer));
}

TEST_F(IcmpErrors, about_a_first_fragment) {
    open(17);
    expect_to_server(
        error(router, vip.address, PacketBuilder::udp(vip, client).fragment(0, true)),
        error(router, real.address, PacketBuilder::udp(real, client).fragment(0, true)));
}

TEST_F(IcmpErrors, reach_a_direct_routing_server_as_they_are) {
    open(6, SHOAL_METHOD_DIRECT);
    const auto in = error(router, vip.address, PacketBuilder::tcp(vip, client, ack));
    expect_to_server(in, in);
}

TEST_F(IcmpErrors, change_neither_state_nor_time_and_are_counted) {
    open();
    const auto before = path.only_connection();
    const auto counters = path.server_counters(0);
    const auto in = error(router, vip.address, PacketBuilder::tcp(vip, client, rst));
    path.age(100);
    const auto seen = path.only_connection().seen;
    path.run(Hook::tc, in);
    EXPECT_EQ(path.only_connection().word, before.word);
    EXPECT_EQ(path.only_connection().seen, seen);
    EXPECT_EQ(path.server_counters(0).packets_in, counters.packets_in + 1);
    EXPECT_EQ(path.server_counters(0).bytes_in, counters.bytes_in + in.build().size() - 14);
    EXPECT_EQ(path.active(0), 1U);
}

TEST_F(IcmpErrors, of_no_connection_pass) {
    open();
    const auto about = PacketBuilder::tcp(vip, client, ack);
    for (const auto& in :
         {error(router, vip.address, PacketBuilder::tcp(vip, {client.address, 1}, ack)),
          error(router, vip.address, PacketBuilder::tcp({vip.address, 81}, client, ack)),
          error(router, vip.address, PacketBuilder::udp(vip, client)),
          // addressed to somebody who did not send the packet
          error(router, vip.address, PacketBuilder::tcp(real, client, ack)),
          // about an error, and about a later fragment
          error(router, vip.address,
                PacketBuilder::icmp(vip.address, client.address, 3, 3, 0, Bytes(28))),
          error(router, vip.address, PacketBuilder::tcp(vip, client, ack).fragment(185, false)),
          // in pieces itself
          error(router, vip.address, about).fragment(0, true),
          error(router, vip.address, about).fragment(3, false)})
        expect_passed(in, "not_balanced");
}

TEST_F(IcmpErrors, other_messages_pass) {
    open();
    const auto about = PacketBuilder::tcp(vip, client, ack);
    for (const std::uint8_t type : Bytes{0, 5, 8, 9, 10, 13, 17, 255})
        expect_passed(error(router, vip.address, about, 28, {type, 0, 1}), "not_balanced");
}

TEST_F(IcmpErrors, that_are_malformed_pass) {
    open();
    const auto about = PacketBuilder::tcp(vip, client, ack);
    for (const std::size_t quoted : {0U, 1U, 19U, 20U, 27U})
        expect_passed(error(router, vip.address, about, quoted), "icmp_malformed");
    const auto with_first_byte = [&](std::uint8_t byte) {
        auto quoted = quote(about.build(), 28);
        quoted[0] = byte;
        return PacketBuilder::icmp(router, vip.address, 3, 4, 1300, quoted);
    };
    expect_passed(with_first_byte(0x65), "icmp_malformed");
    expect_passed(with_first_byte(0x44), "icmp_malformed");
    expect_passed(with_first_byte(0x4f), "icmp_malformed");
    // Claims of the outer header: more than there is, less than the quoted ports need.
    for (const std::uint16_t length :
         std::initializer_list<std::uint16_t>{20, 27, 28, 47, 55, 57, 65535})
        expect_passed(error(router, vip.address, about).total_length(length), "icmp_malformed");
    expect_passed(PacketBuilder::icmp(router, vip.address, 3, 4, 0, {}).cut_to(14 + 20 + 4),
                  "icmp_malformed");
}

TEST_F(IcmpErrors, go_no_further_than_their_time_to_live) {
    open();
    const auto outcome =
        path.run(Hook::tc, error(router, vip.address, PacketBuilder::tcp(vip, client, ack)).ttl(1));
    EXPECT_EQ(outcome.verdict, "ttl_expired");
    EXPECT_EQ(outcome.action, tc_shot);
}

TEST_F(IcmpErrors, of_a_removed_real_server_pass) {
    open();
    path.server(0).flags &= static_cast<std::uint8_t>(~SHOAL_SERVER_AVAILABLE);
    expect_passed(error(router, vip.address, PacketBuilder::tcp(vip, client, ack)),
                  "no_connection");
    EXPECT_EQ(path.active(0), 1U);
}

TEST_F(IcmpErrors, without_a_way_are_dropped) {
    open();
    path.server(0).interface = 0;
    EXPECT_EQ(path.run(Hook::tc, error(router, vip.address, PacketBuilder::tcp(vip, client, ack)))
                  .verdict,
              "no_route");
}

TEST_F(IcmpErrors, of_foreign_hosts_are_foreign) {
    open();
    const auto about = PacketBuilder::tcp({"203.0.113.9", 80}, client, ack);
    expect_passed(error(router, "203.0.113.9", about), "foreign");
    expect_passed(error(router, "203.0.113.9", about, 20), "foreign");
}

// Towards the client they need a route, as replies do.
struct WayToClient {
    WayToClient() {
        network.add_route(std::string(client.address) + "/32", "172.31.0.2");
        network.add_neighbour("172.31.0.2", client_mac);
    }
    Network network;
};

class IcmpErrorsToClients : public WayToClient, public IcmpErrors {
  protected:
    void expect_to_client(PacketBuilder in, PacketBuilder out) {
        const auto bytes = in.macs(network.mac(), server_mac).build();
        EXPECT_EQ(path.run(Hook::xdp, bytes, network.device()).packet, bytes);
        const auto outcome = path.run(Hook::tc, bytes, network.device());
        EXPECT_EQ(outcome.verdict, "icmp_to_client");
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet, out.ttl(63).macs(client_mac, network.mac()).build());
    }
};

TEST_F(IcmpErrorsToClients, of_each_kind_come_from_the_virtual_server) {
    open(17);
    for (const auto& type : error_types)
        expect_to_client(
            error(real.address, client.address, PacketBuilder::udp(client, real), 28, type),
            error(vip.address, client.address, PacketBuilder::udp(client, vip), 28, type));
    EXPECT_EQ(path.server_counters(0).packets_out, std::size(error_types));
    EXPECT_FALSE(path.only_connection().word & SHOAL_WORD_REPLY_SEEN);
}

TEST_F(IcmpErrorsToClients, of_a_router_on_the_way_come_from_the_virtual_server_too) {
    open();
    for (const std::size_t quoted : {28U, 45U})
        expect_to_client(
            error("10.0.0.200", client.address, PacketBuilder::tcp(client, real, ack), quoted),
            error(vip.address, client.address, PacketBuilder::tcp(client, vip, ack), quoted));
}

TEST_F(IcmpErrorsToClients, about_what_was_not_translated_pass) {
    open();
    const auto outcome = path.run(
        Hook::tc, error(real.address, client.address, PacketBuilder::tcp(client, vip, ack)));
    EXPECT_EQ(outcome.verdict, "not_balanced");
}

}  // namespace
}  // namespace shoal::dataplane::testing

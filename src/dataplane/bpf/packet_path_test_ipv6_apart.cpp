#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/packet_path.h"

// Packets of IPv6 that go a way of their own: extension headers, fragments, ICMPv6, hop limits, and
// what is malformed.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"2001:db8:1::7", 40000};
constexpr Endpoint vip{"2001:db8:80::80", 80};
constexpr Endpoint real{"2001:db8:a::1", 8080};
constexpr std::string_view router = "2001:db8:f::5";
constexpr Mac sender_mac{0x02, 0, 0, 0, 0, 0x01};
constexpr Mac own_mac{};  // of the loopback device, which test runs come in by

enum : std::uint8_t { hop_by_hop = 0, routing = 43, authentication = 51, options = 60 };

class Ipv6Apart : public ::testing::Test {
  protected:
    PacketPath path;

    std::uint32_t serve(std::uint8_t protocol = 6, shoal_method method = SHOAL_METHOD_NAT) {
        return path.serve({{std::string(real.address), 8080, method}}, SHOAL_SCHEDULER_RR,
                          protocol);
    }
    void open(std::uint8_t protocol = 6, shoal_method method = SHOAL_METHOD_NAT) {
        serve(protocol, method);
        ASSERT_EQ(path.run(Hook::tc, protocol == 6 ? PacketBuilder::tcp(client, vip, syn)
                                                   : PacketBuilder::udp(client, vip))
                      .verdict,
                  "new_connection");
    }
    /// XDP leaves it to tc as it is; tc sends it to the real server.
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
    std::string at_tc(const PacketBuilder& packet) { return path.run(Hook::tc, packet).verdict; }
};

// ---- Extension headers

TEST_F(Ipv6Apart, extension_headers_are_no_obstacle) {
    serve();
    const auto with = [](PacketBuilder packet) {
        return packet.extension(hop_by_hop, Bytes{0, 0, 5, 2, 0, 0, 1, 0})
            .extension(options, Bytes{0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
            .extension(routing, Bytes{0, 0, 2, 0, 0, 0, 0, 0})
            .extension(options, Bytes{0, 0, 1, 4, 0, 0, 0, 0});
    };
    expect_sent(with(PacketBuilder::tcp(client, vip, syn)),
                with(PacketBuilder::tcp(client, real, syn)), "new_connection");
    expect_sent(with(PacketBuilder::tcp(client, vip, ack)),
                with(PacketBuilder::tcp(client, real, ack)), "forwarded");
}

TEST_F(Ipv6Apart, too_many_extension_headers_are_left_to_the_kernel) {
    serve();
    auto packet = PacketBuilder::tcp(client, vip, syn);
    for (int i = 0; i < 6; ++i)
        packet.extension(options, Bytes{0, 0, 1, 4, 0, 0, 0, 0});
    EXPECT_EQ(at_tc(packet), "new_connection");
    packet.extension(options, Bytes{0, 0, 1, 4, 0, 0, 0, 0});
    EXPECT_EQ(at_tc(packet), "not_balanced");
}

TEST_F(Ipv6Apart, what_only_the_kernel_understands_is_left_to_it) {
    serve();
    const auto tcp = PacketBuilder::tcp(client, vip, syn);
    auto authenticated = tcp, under_way = tcp, late = tcp;
    EXPECT_EQ(at_tc(authenticated.extension(authentication, Bytes(8))), "not_balanced");
    // Not at its destination yet.
    EXPECT_EQ(at_tc(under_way.extension(routing, Bytes{0, 0, 2, 1, 0, 0, 0, 0})), "not_balanced");
    EXPECT_EQ(at_tc(late.extension(options, Bytes{0, 0, 1, 4, 0, 0, 0, 0})
                        .extension(hop_by_hop, Bytes{0, 0, 1, 4, 0, 0, 0, 0})),
              "not_balanced");
    for (const std::uint8_t protocol : Bytes{50, 59, 132})
        EXPECT_EQ(at_tc(PacketBuilder::tcp(client, vip, syn).protocol(protocol)), "not_balanced");
}

// ---- Malformed

TEST_F(Ipv6Apart, headers_cut_short_are_dropped) {
    open();
    const auto whole = PacketBuilder::tcp(client, vip, ack).payload({});
    for (std::size_t length = 14 + 40; length < 14 + 40 + 20; ++length) {
        auto packet = whole;
        for (const auto hook : {Hook::tc, Hook::xdp})
            EXPECT_EQ(path.run(hook, packet.cut_to(length)).verdict, "truncated") << length;
    }
    auto extended = whole;
    extended.extension(options, Bytes{0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    for (std::size_t length = 14 + 40; length < 14 + 40 + 16 + 20; ++length) {
        auto packet = extended;
        EXPECT_EQ(at_tc(packet.cut_to(length)), "truncated") << length;
    }
}

TEST_F(Ipv6Apart, lengths_that_do_not_agree_are_dropped) {
    open();
    const auto packet = PacketBuilder::tcp(client, vip, ack);  // of 65 bytes
    for (const std::uint16_t length :
         std::initializer_list<std::uint16_t>{40, 59, 66, 1500, 0xffff}) {
        auto changed = packet;
        EXPECT_EQ(at_tc(changed.total_length(length)), "truncated") << length;
    }
    auto other_version = packet;
    EXPECT_EQ(at_tc(other_version.version(4)), "truncated");
    // A jumbogram says 0 there.
    auto jumbo = PacketBuilder::tcp(client, vip, ack)
                     .extension(hop_by_hop, Bytes{0, 0, 0xc2, 4, 0, 1, 0, 0});
    EXPECT_EQ(at_tc(jumbo.total_length(40)), "truncated");
    auto short_udp = PacketBuilder::udp(client, vip).body({0, 1, 0, 80, 0, 7, 0, 0});
    EXPECT_EQ(at_tc(short_udp), "truncated");
}

// ---- Fragments

Bytes pattern(std::size_t length) {
    Bytes bytes(length);
    for (std::size_t i = 0; i < length; ++i)
        bytes[i] = static_cast<std::uint8_t>(i * 7);
    return bytes;
}

class Datagram {
  public:
    Datagram(Endpoint from, Endpoint to, std::uint16_t identification)
        : from_(from), to_(to), identification_(identification) {
        const auto frame = PacketBuilder::udp(from, to).payload(pattern(3000)).build();
        segment_ = Bytes(frame.begin() + 14 + 40, frame.end());
    }
    static constexpr int count = 3;
    PacketBuilder fragment(int number) const {
        const std::size_t begin = static_cast<std::size_t>(number) * 1448;
        const std::size_t end = std::min(begin + 1448, segment_.size());
        return PacketBuilder::udp(from_, to_)
            .identification(identification_)
            .fragment(static_cast<std::uint16_t>(begin / 8), number + 1 < count)
            .body({segment_.begin() + static_cast<std::ptrdiff_t>(begin),
                   segment_.begin() + static_cast<std::ptrdiff_t>(end)});
    }

  private:
    Endpoint from_;
    Endpoint to_;
    std::uint16_t identification_;
    Bytes segment_;
};

TEST_F(Ipv6Apart, fragments_follow_the_first_one_to_the_real_server) {
    serve(17);
    const Datagram in{client, vip, 1}, out{client, real, 1};
    for (int number = 0; number < Datagram::count; ++number)
        expect_sent(in.fragment(number), out.fragment(number),
                    number == 0 ? "new_connection" : "forwarded");
    EXPECT_EQ(path.server_counters(0).packets_in, 3U);
    EXPECT_EQ(path.server_counters(0).bytes_in, 3 * 48 + 8 + 3000U);
}

TEST_F(Ipv6Apart, fragments_of_direct_routing_stay_as_they_are) {
    serve(17, SHOAL_METHOD_DIRECT);
    const Datagram in{client, vip, 1};
    for (int number = 0; number < Datagram::count; ++number)
        expect_sent(in.fragment(number), in.fragment(number),
                    number == 0 ? "new_connection" : "forwarded");
}

TEST_F(Ipv6Apart, fragments_of_one_packet_scheduling_go_to_one_real_server) {
    const auto service = serve(17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    const Datagram in{client, vip, 1}, out{client, real, 1};
    for (int number = 0; number < Datagram::count; ++number)
        expect_sent(in.fragment(number), out.fragment(number),
                    number == 0 ? "new_connection" : "forwarded");
}

TEST_F(Ipv6Apart, fragments_follow_what_was_left_to_the_kernel) {
    serve(17);
    const Datagram other{client, {vip.address, 81}, 9};
    EXPECT_EQ(at_tc(other.fragment(0)), "no_service");
    EXPECT_EQ(at_tc(other.fragment(1)), "not_balanced");
}

TEST_F(Ipv6Apart, fragments_of_what_is_not_balanced_are_left_to_the_kernel) {
    serve();
    constexpr std::uint8_t esp = 50;
    const auto packet = PacketBuilder::tcp(client, vip, ack).payload(Bytes(64)).protocol(esp);
    EXPECT_EQ(at_tc(PacketBuilder(packet).fragment(0, true)), "not_balanced");
    EXPECT_EQ(at_tc(PacketBuilder(packet).fragment(10, false)), "not_balanced");
}

TEST_F(Ipv6Apart, fragments_ahead_of_the_first_one_are_dropped) {
    serve(17);
    const Datagram in{client, vip, 1};
    EXPECT_EQ(at_tc(in.fragment(1)), "early_fragment");
    EXPECT_EQ(at_tc(in.fragment(0)), "new_connection");
    EXPECT_EQ(at_tc(in.fragment(1)), "forwarded");
    EXPECT_EQ(at_tc(Datagram(client, vip, 2).fragment(1)), "early_fragment");
}

TEST_F(Ipv6Apart, fragments_ahead_of_the_first_one_go_out_to_be_held) {
    serve(17);
    const Datagram in(client, vip, 1);
    path.settings().fragment_holder = elsewhere;
    const auto held = path.run(Hook::tc, in.fragment(1));
    EXPECT_EQ(held.verdict, "fragment_held");
    EXPECT_EQ(held.action, tc_redirect);
    EXPECT_EQ(held.packet, in.fragment(1).build());
    path.settings().fragment_holder = loopback;  // where this test's packets come from
    EXPECT_EQ(at_tc(in.fragment(1)), "early_fragment");
}

TEST_F(Ipv6Apart, a_fragment_that_is_the_whole_packet_is_one) {
    serve(17);
    expect_sent(PacketBuilder::udp(client, vip).fragment(0, false),
                PacketBuilder::udp(client, real).fragment(0, false), "new_connection");
    EXPECT_EQ(at_tc(PacketBuilder::udp(client, vip).fragment(1, false).body(Bytes(8))),
              "early_fragment");
}

TEST_F(Ipv6Apart, unsound_fragments_are_dropped) {
    serve(17);
    EXPECT_EQ(at_tc(Datagram(client, vip, 1).fragment(0)), "new_connection");
    EXPECT_EQ(at_tc(PacketBuilder::udp(client, vip)
                        .identification(1)
                        .fragment(8191, false)
                        .body(Bytes(900))),
              "truncated");
    EXPECT_EQ(at_tc(PacketBuilder::tcp(client, vip, ack).fragment(1, false).body(Bytes(24))),
              "truncated");
}

TEST(Ipv6ApartReplies, fragments_follow_to_the_client) {
    Network network;
    PacketPath path;
    path.serve({{std::string(real.address), 8080}}, SHOAL_SCHEDULER_RR, 17);
    path.run(Hook::tc, PacketBuilder::udp(client, vip));
    network.add_route("2001:db8:1::/48", "2001:db8:31::2");
    network.add_neighbour("2001:db8:31::2", client_mac);
    const Datagram in{real, client, 1}, out{vip, client, 1};
    for (int number = 0; number < Datagram::count; ++number) {
        const auto outcome =
            path.run(Hook::tc, in.fragment(number).macs(network.mac(), server_mac).build(),
                     network.device());
        EXPECT_EQ(outcome.verdict, "replied");
        EXPECT_EQ(outcome.packet,
                  out.fragment(number).ttl(63).macs(client_mac, network.mac()).build());
    }
}

// ---- ICMPv6

struct ErrorType {
    std::uint8_t type;
    std::uint8_t code;
    std::uint32_t info;
};
const ErrorType error_types[] = {{1, 0, 0}, {1, 4, 0}, {2, 0, 1280}, {3, 0, 0}, {4, 1, 40}};
const ErrorType too_big{2, 0, 1280};

PacketBuilder error(std::string_view from, std::string_view to, const PacketBuilder& about,
                    std::size_t quoted = 60, const ErrorType& type = too_big) {
    return PacketBuilder::icmp(from, to, type.type, type.code, type.info,
                               quote(about.build(), quoted));
}

TEST_F(Ipv6Apart, errors_of_each_kind_go_to_the_real_server_about_its_own_packet) {
    open();
    for (const auto& type : error_types)
        expect_sent(error(router, vip.address, PacketBuilder::tcp(vip, client, ack), 60, type),
                    error(router, real.address, PacketBuilder::tcp(real, client, ack), 60, type),
                    "icmp_to_server");
    EXPECT_EQ(path.server_counters(0).packets_in, 1 + std::size(error_types));
}

TEST_F(Ipv6Apart, errors_translate_as_much_as_is_quoted) {
    open();
    const auto seen = PacketBuilder::tcp(vip, client, ack);
    const auto sent = PacketBuilder::tcp(real, client, ack);
    for (const std::size_t quoted : {48U, 50U, 58U, 60U, 63U, 65U})
        expect_sent(error(router, vip.address, seen, quoted),
                    error(router, real.address, sent, quoted), "icmp_to_server");
}

TEST_F(Ipv6Apart, errors_about_datagrams_and_first_fragments) {
    open(17);
    for (const bool fragment : {false, true}) {
        auto seen = PacketBuilder::udp(vip, client);
        auto sent = PacketBuilder::udp(real, client);
        if (fragment) seen.fragment(0, true), sent.fragment(0, true);
        expect_sent(error(router, vip.address, seen), error(router, real.address, sent),
                    "icmp_to_server");
    }
}

TEST_F(Ipv6Apart, errors_about_direct_routing_change_nothing) {
    open(6, SHOAL_METHOD_DIRECT);
    const auto in = error(router, vip.address, PacketBuilder::tcp(vip, client, ack));
    expect_sent(in, in, "icmp_to_server");
}

TEST_F(Ipv6Apart, errors_cut_short_are_passed) {
    open();
    const auto whole = error(router, vip.address, PacketBuilder::tcp(vip, client, ack));
    for (const std::size_t length : {14U + 40 + 7, 14U + 48 + 39, 14U + 48 + 47}) {
        auto packet = whole;
        EXPECT_EQ(at_tc(packet.cut_to(length)), "icmp_malformed") << length;
    }
}

TEST_F(Ipv6Apart, errors_about_others_are_passed) {
    open();
    const auto in = error(router, vip.address, PacketBuilder::tcp({vip.address, 81}, client, ack));
    EXPECT_EQ(at_tc(in), "not_balanced");
    EXPECT_EQ(at_tc(error(router, "2001:db8:99::1", PacketBuilder::tcp(vip, client, ack))),
              "foreign");
}

TEST(Ipv6ApartReplies, errors_go_to_the_client_from_the_virtual_server) {
    Network network;
    PacketPath path;
    path.serve({{std::string(real.address), 8080}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    network.add_route("2001:db8:1::/48", "2001:db8:31::2");
    network.add_neighbour("2001:db8:31::2", client_mac);
    for (const auto from : {real.address, router}) {
        const auto outcome =
            path.run(Hook::tc,
                     error(from, client.address, PacketBuilder::tcp(client, real, ack))

                         .macs(network.mac(), server_mac)
                         .build(),
                     network.device());
        EXPECT_EQ(outcome.verdict, "icmp_to_client");
        EXPECT_EQ(outcome.packet,
                  error(vip.address, client.address, PacketBuilder::tcp(client, vip, ack))
                      .ttl(63)
                      .macs(client_mac, network.mac())
                      .build());
    }
}

// ---- Hop limits

TEST_F(Ipv6Apart, hop_limits_that_end_here_are_told) {
    open();
    const auto exceeded = [](std::string_view to, const Bytes& in) {
        return PacketBuilder::icmp(vip.address, to, 3, 0, 0,
                                   quote(in, std::min<std::size_t>(in.size() - 14, 504)))
            .macs(sender_mac, own_mac)
            .build();
    };
    const auto expect_told = [&](const PacketBuilder& packet, std::string_view sender) {
        const auto in = packet.build();
        EXPECT_EQ(path.run(Hook::xdp, in).verdict, "passed_up");
        const auto outcome = path.run(Hook::tc, in);
        EXPECT_EQ(outcome.verdict, "ttl_answered");
        EXPECT_EQ(outcome.action, tc_redirect);
        EXPECT_EQ(outcome.packet, exceeded(sender, in));
    };
    expect_told(PacketBuilder::tcp(client, vip, ack).ttl(1), client.address);
    expect_told(PacketBuilder::tcp({client.address, 40001}, vip, syn).ttl(0), client.address);
    expect_told(PacketBuilder::tcp(real, client, ack).ttl(1), real.address);
    for (std::size_t length = 0; length < 5; ++length)
        expect_told(PacketBuilder::tcp(client, vip, ack).payload(Bytes(length, 0xa5)).ttl(1),
                    client.address);
    expect_told(PacketBuilder::tcp(client, vip, ack).payload(Bytes(1300, 0x5a)).ttl(1),
                client.address);
}

}  // namespace
}  // namespace shoal::dataplane::testing

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "dataplane/bpf/testing/packet_path.h"

// Tunnels between address families, and of IPv6 alone: the outer headers byte for byte.

namespace shoal::dataplane::testing {
namespace {

struct Way {
    Hook hook;
    shoal_tunnel tunnel;
    bool inner_v6;
    bool outer_v6;
};

std::string name_of(const Way& way) {
    const char* tunnels[] = {"ipip", "gue", "gre"};
    return std::string(tunnels[way.tunnel]) + (way.inner_v6 ? "_6in" : "_4in") +
           (way.outer_v6 ? "6_" : "4_") + to_string(way.hook);
}

void PrintTo(const Way& way, std::ostream* out) {
    *out << name_of(way);
}

void put16(Bytes& bytes, std::size_t at, std::size_t value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

class TunnelFamilies : public ::testing::TestWithParam<Way> {
  protected:
    PacketPath path;

    const Way& way() const { return GetParam(); }
    Endpoint client() const { return {way().inner_v6 ? "2001:db8:1::7" : "198.51.100.7", 40000}; }
    Endpoint vip() const { return {way().inner_v6 ? "2001:db8:80::80" : "192.0.2.80", 80}; }
    void serve(std::uint32_t mtu = 0) {
        const auto service = path.add_service(std::string(vip().address), 80, SHOAL_SCHEDULER_RR);
        path.set_pool(
            service,
            {{path.add_server(service, {.address = way().outer_v6 ? "2001:db8:a::1" : "10.0.0.1",
                                        .method = SHOAL_METHOD_TUNNEL,
                                        .tunnel = way().tunnel,
                                        .mtu = mtu}),
              1}});
    }
    PacketBuilder packet(std::uint8_t flags) const {
        return PacketBuilder::tcp(client(), vip(), flags).dont_fragment();
    }
    std::size_t overhead() const {
        const std::size_t more[] = {0, 12, 4};
        return (way().outer_v6 ? 40U : 20U) + more[way().tunnel];
    }
    /// GRE's or UDP's header, with GUE's.
    Bytes between(std::size_t inner_bytes, std::uint16_t client_word) const {
        const std::uint8_t protocol = way().inner_v6 ? 41 : 4;
        if (way().tunnel == SHOAL_TUNNEL_GRE)
            return way().inner_v6 ? Bytes{0, 0, 0x86, 0xdd} : Bytes{0, 0, 8, 0};
        if (way().tunnel == SHOAL_TUNNEL_IPIP) return {};
        Bytes headers{0, 0, 0x17, 0xc0, 0, 0, 0, 0, 0, protocol, 0, 0};
        put16(headers, 0, 0xc000 | (client_word ^ client().port));
        put16(headers, 4, 12 + inner_bytes);
        return headers;
    }
    Bytes outer_v4(std::size_t bytes, std::uint8_t protocol) const {
        Bytes header{0x45, 0, 0, 0, 0, 0, 0x40, 0, 63, protocol, 0, 0, 10, 0, 0, 254, 10, 0, 0, 1};
        put16(header, 2, 20 + bytes);
        put16(header, 10, internet_checksum(header));
        return header;
    }
    static Bytes outer_v6(std::size_t bytes, std::uint8_t protocol) {
        Bytes header{0x60, 0, 0, 0, 0, 0, protocol, 63};
        put16(header, 4, bytes);
        for (const std::uint8_t last : Bytes{0xfe, 1})
            for (const std::uint8_t byte :
                 Bytes{0x20, 1, 0x0d, 0xb8, 0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, last})
                header.push_back(byte);
        return header;
    }
    Bytes expected(std::uint8_t flags) const {
        const Bytes frame = packet(flags).ttl(63).macs(server_mac, director_mac).build();
        const Bytes inner(frame.begin() + 14, frame.end());
        const std::uint8_t protocols[] = {static_cast<std::uint8_t>(way().inner_v6 ? 41 : 4), 17,
                                          47};
        // All 16-bit words of the client's address.
        const auto word = static_cast<std::uint16_t>(
            way().inner_v6 ? 0x2001 ^ 0x0db8 ^ 1 ^ 7 : (198 << 8 | 51) ^ (100 << 8 | 7));
        const Bytes middle = between(inner.size(), word);
        const std::size_t bytes = middle.size() + inner.size();
        const std::uint8_t protocol = protocols[way().tunnel];
        Bytes whole(frame.begin(), frame.begin() + 12);
        for (const Bytes& part :
             {way().outer_v6 ? Bytes{0x86, 0xdd} : Bytes{8, 0},
              way().outer_v6 ? outer_v6(bytes, protocol) : outer_v4(bytes, protocol), middle,
              inner})
            whole.insert(whole.end(), part.begin(), part.end());
        return whole;
    }
};

TEST_P(TunnelFamilies, lead_to_the_real_server) {
    serve();
    for (const std::uint8_t flags : {syn, ack}) {
        const auto outcome = path.run(way().hook, packet(flags));
        EXPECT_EQ(outcome.verdict, flags == syn ? "new_connection" : "forwarded");
        EXPECT_EQ(outcome.action, way().hook == Hook::tc ? tc_redirect : xdp_redirect);
        EXPECT_EQ(outcome.packet, expected(flags));
    }
    EXPECT_EQ(path.server_counters(0).packets_in, 2U);
}

TEST_P(TunnelFamilies, tell_what_is_too_large) {
    const auto large = packet(ack).payload(Bytes(1400)).build();
    const std::size_t bytes = large.size() - 14;
    serve(static_cast<std::uint32_t>(bytes + overhead()));
    path.run(Hook::tc, packet(syn));
    EXPECT_EQ(path.run(Hook::tc, large).verdict, "forwarded");
    auto longer = packet(ack).payload(Bytes(1401)).build();
    EXPECT_EQ(path.run(Hook::xdp, longer).verdict, "passed_up");
    const auto told = path.run(Hook::tc, longer);
    EXPECT_EQ(told.verdict, "too_big");
    EXPECT_EQ(told.action, tc_redirect);
    const auto message =
        way().inner_v6 ? PacketBuilder::icmp(vip().address, client().address, 2, 0,
                                             static_cast<std::uint32_t>(bytes), quote(longer, 504))
                       : PacketBuilder::icmp(vip().address, client().address, 3, 4,
                                             static_cast<std::uint32_t>(bytes), quote(longer, 504))
                             .tos(0xc0)
                             .identification(0);
    EXPECT_EQ(Bytes(told.packet.begin() + 14, told.packet.end()),
              quote(message.build(), message.build().size() - 14));
}

std::vector<Way> ways() {
    std::vector<Way> all;
    for (const auto tunnel : {SHOAL_TUNNEL_IPIP, SHOAL_TUNNEL_GUE, SHOAL_TUNNEL_GRE})
        for (const auto hook : {Hook::tc, Hook::xdp})
            for (const auto& [inner, outer] : {std::pair{true, true}, {true, false}, {false, true}})
                all.push_back({hook, tunnel, inner, outer});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Ways, TunnelFamilies, ::testing::ValuesIn(ways()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace shoal::dataplane::testing

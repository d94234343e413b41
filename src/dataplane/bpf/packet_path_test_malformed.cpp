#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <numeric>
#include <random>
#include <utility>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/service_options.h"

// Packets of hell: cut, contradictory and hostile ones. Whatever comes in, one verdict is counted,
// and the packet passes untouched, is dropped, or goes to where a sound one would.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint stranger{"198.51.100.7", 40001};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};
constexpr Endpoint direct_vip{"192.0.2.81", 80};
constexpr const char* any = "";

constexpr std::size_t ip_at = 14;
constexpr std::size_t transport_at = 34;

using Octets = std::initializer_list<std::uint8_t>;
using Words = std::initializer_list<std::uint16_t>;

struct Change {
    std::size_t offset;
    std::uint8_t value;
};

Bytes changed(const PacketBuilder& packet, std::initializer_list<Change> changes) {
    Bytes frame = packet.build();
    for (const auto& change : changes)
        frame.at(change.offset) = change.value;
    return frame;
}

Bytes padded(Bytes frame, std::size_t bytes) {
    frame.resize(frame.size() + bytes, 0xee);
    return frame;
}

/// The sum of 16-bit words, as internet checksums see it: what an incremental update must keep.
std::uint32_t residue(const Bytes& frame, std::size_t from, std::size_t to) {
    std::uint32_t sum = 0;
    for (std::size_t i = from; i < to; ++i)
        sum += static_cast<std::uint32_t>(frame[i]) << ((i - from) % 2 ? 0 : 8);
    return sum % 0xffff;
}

/// Linux (since 6.18.40 or so) refuses a test run at tc of a frame too short for the header that
/// its ether type promises. The fuzz target has no such bound.
bool can_be_tried(Hook hook, const Bytes& frame) {
    const unsigned type = static_cast<unsigned>(frame[12]) << 8 | frame[13];
    return hook == Hook::xdp || frame.size() >= (type == 0x0800 ? 34U : type == 0x86dd ? 54U : 14U);
}

class PacketsOfHell : public ::testing::Test {
  protected:
    void SetUp() override {
        network.add_route("198.51.100.0/24", "172.31.0.2");
        network.add_neighbour("172.31.0.2", client_mac);
        path.serve({{.address = "10.0.0.1", .port = 8080}});
        serve(vip, 17, {.address = "10.0.0.1", .port = 8080});
        serve(direct_vip, 6, {.address = "10.0.0.2", .method = SHOAL_METHOD_DIRECT});
        for (const auto& opening :
             {PacketBuilder::tcp(client, vip, syn), PacketBuilder::udp(client, vip),
              PacketBuilder::tcp(client, direct_vip, syn), PacketBuilder::tcp(real, client, ack),
              PacketBuilder::udp(real, client)})
            run(Hook::tc, opening.build());
        ASSERT_EQ(path.live().size(), 3U);
    }
    void TearDown() override {
        std::uint64_t counted = 0;
        for (const auto& [name, count] : path.verdicts())
            counted += count;
        EXPECT_EQ(counted, packets) << "each packet has one verdict";
    }

    void serve(Endpoint address, std::uint8_t protocol, const RealServer& server) {
        const auto service = path.add_service(std::string(address.address), address.port,
                                              SHOAL_SCHEDULER_RR, protocol);
        path.set_pool(service, {{path.add_server(service, server), 1}});
    }
    Outcome run(Hook hook, const Bytes& frame) {
        ++packets;
        return path.run(hook, frame);
    }
    static bool is_sent(Hook hook, std::uint32_t action) {
        return hook == Hook::tc ? action == tc_redirect
                                : action == xdp_tx || action == xdp_redirect;
    }

    std::vector<shoal_connection> connections() const {
        return {path.connections().begin(), path.connections().end()};
    }

    /// Passed as it is or dropped, without a trace in the table. The verdict is tc's; at XDP the
    /// packet may be left to tc.
    void expect_refused(const Bytes& frame, const std::string& verdict = any) {
        for (const auto hook : {Hook::xdp, Hook::tc})
            expect_refused_at(hook, frame, verdict);
    }
    void expect_refused_at(Hook hook, const Bytes& frame, const std::string& verdict) {
        if (!can_be_tried(hook, frame)) return;
        SCOPED_TRACE(to_string(hook));
        const auto before = connections();
        const auto outcome = run(hook, frame);
        EXPECT_EQ(outcome.verdict.find('+'), std::string::npos) << outcome.verdict;
        EXPECT_FALSE(is_sent(hook, outcome.action)) << outcome.verdict;
        if (outcome.action == (hook == Hook::tc ? tc_unspec : xdp_pass))
            EXPECT_EQ(outcome.packet, frame) << outcome.verdict;
        if (!verdict.empty() && outcome.verdict != "passed_up") EXPECT_EQ(outcome.verdict, verdict);
        EXPECT_NE(hook == Hook::tc ? outcome.verdict : "", "passed_up");
        EXPECT_EQ(std::memcmp(before.data(), path.connections().data(),
                              before.size() * sizeof(shoal_connection)),
                  0)
            << "a connection changed: " << outcome.verdict;
    }

    static bool is_later_fragment(const Bytes& frame) {
        return (frame[ip_at + 6] & 0x1fU) != 0 || frame[ip_at + 7] != 0;
    }
    /// The IP header's sum is right, or as wrong as it came.
    static void expect_sound_header(const Bytes& in, const Bytes& out) {
        const auto header_residue = [](const Bytes& frame) {
            return residue(frame, ip_at, ip_at + (frame[ip_at] & 15U) * 4U);
        };
        EXPECT_TRUE(header_residue(out) == 0 || header_residue(out) == header_residue(in));
    }
    /// Sent with nothing changed but what forwarding changes, and no sum made right or wrong.
    static void expect_sent_well(const Bytes& in, const Bytes& out) {
        ASSERT_EQ(in.size(), out.size());
        const std::size_t header = (in[ip_at] & 15U) * 4U;
        EXPECT_EQ(out[ip_at + 8], in[ip_at + 8] - 1) << "time to live";
        EXPECT_EQ(residue(in, ip_at, ip_at + header), residue(out, ip_at, ip_at + header));
        const bool udp = in[ip_at + 9] == 17;
        const std::size_t sum_at = ip_at + header + (udp ? 6 : 16);
        const bool no_sum = udp && in[sum_at] == 0 && in[sum_at + 1] == 0;
        if (no_sum)
            EXPECT_EQ(out[sum_at] | out[sum_at + 1], 0);
        else
            EXPECT_EQ(residue(in, ip_at + 12, in.size()), residue(out, ip_at + 12, out.size()));
        const auto equal = [&](std::size_t from, std::size_t to) {
            return std::equal(in.begin() + static_cast<std::ptrdiff_t>(from),
                              in.begin() + static_cast<std::ptrdiff_t>(to),
                              out.begin() + static_cast<std::ptrdiff_t>(from));
        };
        EXPECT_TRUE(equal(12, ip_at + 8));
        EXPECT_TRUE(equal(sum_at + 2, in.size()));
        const Bytes target(out.begin(), out.begin() + 6);
        const Bytes source(out.begin() + ip_at + 12, out.begin() + ip_at + 16);
        const Bytes destination(out.begin() + ip_at + 16, out.begin() + ip_at + 20);
        if (std::ranges::equal(target, server_mac)) {
            EXPECT_TRUE(equal(ip_at + 12, ip_at + 16)) << "the client's address";
            EXPECT_TRUE(destination == (Bytes{10, 0, 0, 1}) ||
                        destination == (Bytes{192, 0, 2, 81}));
        } else {
            EXPECT_TRUE(equal(ip_at + 16, ip_at + 20)) << "the client's address";
            EXPECT_EQ(source, (Bytes{192, 0, 2, 80}));
        }
    }
    /// Either of the above.
    void expect_harmless(Hook hook, const Bytes& frame) {
        if (!can_be_tried(hook, frame)) return;
        const auto outcome = run(hook, frame);
        EXPECT_EQ(outcome.verdict.find('+'), std::string::npos) << outcome.verdict;
        if (is_sent(hook, outcome.action)) {
            if (outcome.verdict == "ttl_answered" || is_later_fragment(frame))
                expect_sound_header(frame, outcome.packet);
            else
                expect_sent_well(frame, outcome.packet);
        } else if (outcome.action == (hook == Hook::tc ? tc_unspec : xdp_pass)) {
            EXPECT_EQ(outcome.packet, frame) << outcome.verdict;
        }
    }
    void expect_sent(const Bytes& frame) {
        for (const auto hook : {Hook::xdp, Hook::tc}) {
            SCOPED_TRACE(to_string(hook));
            const auto outcome = run(hook, frame);
            ASSERT_TRUE(is_sent(hook, outcome.action)) << outcome.verdict;
            expect_sent_well(frame, outcome.packet);
        }
    }

    Network network;
    PacketPath path{1024};
    std::uint64_t packets = 0;
};

/// Sound packets of known connections, both ways, and of new ones.
std::vector<std::pair<const char*, PacketBuilder>> sound_packets() {
    return {{"known TCP", PacketBuilder::tcp(client, vip, ack)},
            {"known UDP", PacketBuilder::udp(client, vip)},
            {"direct routing", PacketBuilder::tcp(client, direct_vip, ack)},
            {"TCP reply", PacketBuilder::tcp(real, client, ack)},
            {"UDP reply", PacketBuilder::udp(real, client)},
            {"new TCP", PacketBuilder::tcp(stranger, vip, syn)},
            {"new UDP", PacketBuilder::udp(stranger, vip)}};
}

TEST_F(PacketsOfHell, frames_cut_short_anywhere_go_nowhere) {
    for (const auto& [name, packet] : sound_packets()) {
        const std::size_t whole = packet.build().size();
        for (std::size_t length = 14; length < whole; ++length) {
            SCOPED_TRACE(std::string(name) + " cut to " + std::to_string(length));
            expect_refused(PacketBuilder(packet).cut_to(length).build(), "truncated");
        }
        SCOPED_TRACE(name);
        expect_sent(packet.build());
    }
}

TEST_F(PacketsOfHell, datagrams_whose_headers_agree_but_hold_too_little_go_nowhere) {
    for (const auto& [name, packet] : sound_packets()) {
        const std::size_t least =
            packet.build()[ip_at + 9] == 6 ? transport_at + 20 : packet.build().size();
        for (std::size_t length = 14; length < least; ++length) {
            SCOPED_TRACE(std::string(name) + " of " + std::to_string(length));
            auto shorter = PacketBuilder(packet).cut_to(length);
            shorter.total_length(static_cast<std::uint16_t>(length - 14));
            expect_refused(shorter.build(), length == 14 ? any : "truncated");
        }
    }
}

TEST_F(PacketsOfHell, fragments_and_icmp_cut_short_go_nowhere) {
    const auto fragment = PacketBuilder::udp(stranger, vip).fragment(0, true);
    const auto later = PacketBuilder::udp(stranger, vip).fragment(200, false);
    const auto echo = PacketBuilder::udp(stranger, vip).protocol(1);
    for (const auto& packet : {fragment, later, echo}) {
        for (std::size_t length = 14; length < packet.build().size(); ++length) {
            SCOPED_TRACE(length);
            expect_refused(PacketBuilder(packet).cut_to(length).build());
        }
    }
}

TEST_F(PacketsOfHell, contradictory_ip_headers_go_nowhere) {
    for (const auto& [name, packet] : sound_packets()) {
        SCOPED_TRACE(name);
        for (const std::uint8_t version : Octets{0, 1, 3, 5, 6, 15})
            expect_refused(PacketBuilder(packet).version(version).build(), "truncated");
        for (const std::uint8_t words : Octets{0, 1, 4, 15})
            expect_refused(changed(packet, {{ip_at, static_cast<std::uint8_t>(0x40U | words)}}),
                           "truncated");
        const auto bytes = static_cast<std::uint16_t>(packet.build().size() - 14);
        for (const std::uint16_t total :
             Words{1, 19, 20, 27, static_cast<std::uint16_t>(bytes + 1), 1500, 65535})
            expect_refused(PacketBuilder(packet).total_length(total).build(), "truncated");
        expect_refused(changed(packet, {{ip_at + 2, 0}, {ip_at + 3, 0}}), "truncated");
    }
}

TEST_F(PacketsOfHell, contradictory_transport_headers_go_nowhere) {
    for (const auto& [name, packet] : sound_packets()) {
        SCOPED_TRACE(name);
        if (packet.build()[ip_at + 9] == 6) {
            for (const std::uint8_t words : Octets{0, 1, 4, 7, 15})
                expect_refused(
                    changed(packet, {{transport_at + 12, static_cast<std::uint8_t>(words << 4)}}),
                    "truncated");
        } else {
            for (const std::uint8_t length : Octets{0, 7, 14, 255})
                expect_refused(changed(packet, {{transport_at + 5, length}}), "truncated");
            expect_refused(changed(packet, {{transport_at + 4, 255}}), "truncated");
        }
    }
}

TEST_F(PacketsOfHell, padding_and_the_slack_that_is_allowed_are_sent_along) {
    for (const auto& [name, packet] : sound_packets()) {
        SCOPED_TRACE(name);
        for (const std::size_t padding : {1, 6, 40, 900})
            expect_sent(padded(packet.build(), padding));
    }
    // UDP may end before its IP packet does, and TCP's header be all of it.
    expect_sent(changed(PacketBuilder::udp(client, vip), {{transport_at + 5, 12}}));
    expect_sent(changed(PacketBuilder::tcp(client, vip, ack).payload(Bytes(40)),
                        {{transport_at + 12, 0xf0}}));
}

TEST_F(PacketsOfHell, wrong_checksums_stay_wrong) {
    for (const auto& [name, packet] : sound_packets()) {
        SCOPED_TRACE(name);
        expect_sent(changed(packet, {{ip_at + 10, 0x12}, {ip_at + 11, 0x34}}));
        const std::size_t at = transport_at + (packet.build()[ip_at + 9] == 6 ? 16 : 6);
        expect_sent(changed(packet, {{at, 0x12}, {at + 1, 0x34}}));
    }
}

TEST_F(PacketsOfHell, nobody_has_these_source_addresses) {
    for (const char* source : {"0.0.0.0", "127.0.0.1", "127.255.255.254", "224.0.0.1",
                               "239.255.255.255", "255.255.255.255"}) {
        SCOPED_TRACE(source);
        expect_refused(PacketBuilder::tcp({source, 40000}, vip, syn).build(), "martian");
        expect_refused(PacketBuilder::udp({source, 40000}, vip).build(), "martian");
        expect_refused(PacketBuilder::tcp({source, 40000}, direct_vip, syn).build(), "martian");
    }
}

TEST_F(PacketsOfHell, a_virtual_server_is_not_its_own_client) {
    expect_refused(PacketBuilder::tcp(vip, vip, syn).build(), "martian");
    expect_refused(PacketBuilder::tcp({vip.address, 40000}, vip, syn).build(), "martian");
    expect_refused(PacketBuilder::udp(vip, vip).build(), "martian");
}

TEST_F(PacketsOfHell, ports_of_zero) {
    expect_refused(PacketBuilder::tcp(client, {vip.address, 0}, syn).build(), "no_service");
    expect_refused(PacketBuilder::udp(client, {vip.address, 0}).build(), "no_service");
    expect_refused(PacketBuilder::tcp({client.address, 0}, vip, ack).build(), "no_connection");
    expect_sent(PacketBuilder::udp({client.address, 0}, vip).build());
    expect_sent(PacketBuilder::tcp({client.address, 0}, vip, syn).build());
}

TEST_F(PacketsOfHell, every_combination_of_tcp_flags) {
    std::uint16_t port = 2000;
    for (unsigned flags = 0; flags < 256; ++flags) {
        SCOPED_TRACE(flags);
        const auto byte = static_cast<std::uint8_t>(flags);
        for (const auto hook : {Hook::xdp, Hook::tc})
            expect_harmless(hook, PacketBuilder::tcp(client, vip, byte).build());
        const auto fresh = PacketBuilder::tcp({client.address, ++port}, vip, byte).build();
        if (byte & syn && !(byte & rst))
            expect_sent(fresh);
        else
            expect_refused(fresh, "no_connection");
        expect_refused(PacketBuilder::tcp({real.address, ++port}, client, byte).build(),
                       "not_ours");
    }
}

TEST_F(PacketsOfHell, protocols_that_nobody_balances) {
    // 255 and 254 are those of the table's own entries that are no connections.
    for (const std::uint8_t protocol :
         Octets{0, 2, 4, 41, 47, 50, 51, 89, 112, 132, 136, 253, 254, 255}) {
        SCOPED_TRACE(int{protocol});
        for (const auto& [name, packet] : sound_packets())
            expect_refused(PacketBuilder(packet).protocol(protocol).build(), "not_balanced");
    }
}

TEST_F(PacketsOfHell, other_ether_types_are_not_looked_into) {
    for (const std::uint16_t type : Words{0x0000, 0x0026, 0x05dc, 0x0801, 0x0806, 0x8035, 0x86dd,
                                          0x8847, 0x8863, 0x8864, 0x88cc, 0x88e5, 0xffff}) {
        SCOPED_TRACE(type);
        expect_refused(PacketBuilder::tcp(client, vip, ack).ether_type(type).build(), "foreign");
    }
    // What follows is no tag.
    for (const std::uint16_t type : Words{0x8100, 0x88a8, 0x9100})
        expect_refused(PacketBuilder::tcp(client, vip, ack).ether_type(type).build());
}

TEST_F(PacketsOfHell, frames_to_many_or_to_others_are_not_balanced) {
    constexpr Mac broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    constexpr Mac multicast{0x01, 0, 0x5e, 0, 0, 1};
    for (const auto& [name, packet] : sound_packets())
        for (const Mac& mac : {broadcast, multicast, server_mac})
            expect_refused(PacketBuilder(packet).macs(mac, client_mac).build(), "foreign");
}

TEST_F(PacketsOfHell, frames_of_a_size_with_nothing_in_them) {
    for (std::size_t size = 14; size < 128; ++size) {
        for (const std::uint8_t fill : Octets{0, 0x08, 0x45, 0xff}) {
            Bytes frame(size, fill);
            expect_refused(frame);
            frame[12] = 0x08;
            frame[13] = 0x00;
            expect_refused(frame);
        }
    }
}

TEST_F(PacketsOfHell, fragments_that_belong_to_nothing_or_reach_too_far) {
    for (const auto& packet :
         {PacketBuilder::tcp(client, vip, ack), PacketBuilder::udp(client, vip),
          PacketBuilder::udp(real, client), PacketBuilder::tcp(stranger, vip, syn)}) {
        for (const std::uint16_t offset : Words{1, 2, 100, 8189, 8191})
            for (const bool more : {false, true})
                expect_refused(PacketBuilder(packet).fragment(offset, more).build());
    }
    // Its first piece came before it; the whole would end beyond 65535 bytes.
    for (const auto hook : {Hook::xdp, Hook::tc})
        expect_harmless(hook, PacketBuilder::udp(client, vip).fragment(0, true).build());
    expect_refused(
        PacketBuilder::udp(client, vip).fragment(8191, false).payload(Bytes(900)).build());
}

TEST_F(PacketsOfHell, options_of_garbage_are_harmless) {
    const std::vector<Bytes> garbage = {{7, 0, 0, 0},
                                        {7, 3, 4, 0},
                                        {0x44, 0, 0, 0},
                                        {131, 255, 255, 255},
                                        {137, 3, 4, 0},
                                        {0xff, 0xff, 0xff, 0xff},
                                        {1, 1, 1, 1, 7, 0, 0, 0},
                                        Bytes(40),
                                        Bytes(40, 0xff),
                                        {148, 2, 0, 0}};
    for (const auto& options : garbage)
        for (const auto& [name, packet] : sound_packets())
            for (const auto hook : {Hook::xdp, Hook::tc})
                expect_harmless(hook, PacketBuilder(packet).ip_options(options).build());
}

/// Changes, cuts or lengthens a sound frame at a few places.
Bytes damaged(Bytes frame, std::mt19937& random) {
    constexpr auto interesting = std::to_array<std::uint8_t>({0, 1, 0x0f, 0x3f, 0x7f, 0x80, 0xff});
    const unsigned changes = random() % 5;
    for (unsigned i = 0; i < changes; ++i) {
        auto& byte = frame[12 + random() % (frame.size() - 12)];
        byte = random() % 2 ? static_cast<std::uint8_t>(random())
                            : interesting[random() % interesting.size()];
    }
    if (random() % 4 == 0) frame.resize(14 + random() % (frame.size() - 13));
    if (random() % 8 == 0) frame.resize(frame.size() + random() % 600, 0x55);
    return frame;
}

TEST_F(PacketsOfHell, random_damage_is_harmless) {
    std::mt19937 random(4);  // the same packets each time
    const auto sound = sound_packets();
    for (int i = 0; i < 6000; ++i) {
        const auto frame = damaged(sound[random() % sound.size()].second.build(), random);
        SCOPED_TRACE(i);
        expect_harmless(i % 2 ? Hook::tc : Hook::xdp, frame);
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace shoal::dataplane::testing

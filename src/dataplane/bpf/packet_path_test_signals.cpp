#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "dataplane/bpf/testing/packet_path.h"

// What packets tell of a real server's health (bpf/signals.h).

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};

class Signals : public ::testing::Test {
  protected:
    PacketPath path;
    std::vector<shoal_signal_kind> seen;
    ring_buffer* ring = nullptr;

    Signals() { ring = ring_buffer__new(path.map("signals"), collect, this, nullptr); }
    ~Signals() override { ring_buffer__free(ring); }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    static int collect(void* self, void* data, std::size_t size) {
        shoal_signal signal{};
        EXPECT_EQ(size, sizeof signal);
        std::memcpy(&signal, data, sizeof signal);
        EXPECT_EQ(signal.server, 0U);
        EXPECT_EQ(signal.service, 0U);
        static_cast<Signals*>(self)->seen.push_back(static_cast<shoal_signal_kind>(signal.kind));
        return 0;
    }
    void open(std::uint8_t protocol = 6, shoal_method method = SHOAL_METHOD_NAT) {
        path.serve({{"10.0.0.1", 8080, method}}, SHOAL_SCHEDULER_RR, protocol);
        path.run(Hook::tc, protocol == 6 ? PacketBuilder::tcp(client, vip, syn)
                                         : PacketBuilder::udp(client, vip));
    }
    std::vector<shoal_signal_kind> after(const PacketBuilder& packet, Hook hook = Hook::tc) {
        seen.clear();
        path.run(hook, packet);
        ring_buffer__consume(ring);
        return seen;
    }
    using Kinds = std::vector<shoal_signal_kind>;
};

TEST_F(Signals, tell_of_a_refused_connection) {
    open();
    EXPECT_EQ(after(PacketBuilder::tcp(real, client, rst | ack)), Kinds{SHOAL_SIGNAL_REFUSED});
}

TEST_F(Signals, tell_of_a_repeated_syn) {
    open();
    EXPECT_EQ(after(PacketBuilder::tcp(client, vip, syn)), Kinds{SHOAL_SIGNAL_UNANSWERED});
}

TEST_F(Signals, tell_of_a_repeated_syn_where_answers_are_not_seen) {
    open(6, SHOAL_METHOD_DIRECT);
    EXPECT_EQ(after(PacketBuilder::tcp(client, vip, syn)), Kinds{SHOAL_SIGNAL_UNANSWERED});
}

TEST_F(Signals, tell_of_unreachable_ports_and_hosts) {
    open(17);
    const auto about = quote(PacketBuilder::udp(client, real).build(), 28);
    const auto icmp = [&](std::uint8_t code) {
        return PacketBuilder::icmp(real.address, client.address, 3, code, 0, about);
    };
    EXPECT_EQ(after(icmp(4)), Kinds{});
    EXPECT_EQ(after(icmp(3)), Kinds{SHOAL_SIGNAL_UNREACHABLE});
}

TEST_F(Signals, are_few_of_one_real_server) {
    open();
    // An hour of the machine's jiffies is a twentieth of a second.
    path.settings().hz *= 20 * 3600;
    const auto again = PacketBuilder::tcp(client, vip, syn);
    EXPECT_EQ(after(again).size(), 1U);
    EXPECT_EQ(after(again).size(), 0U);
}

TEST_F(Signals, are_not_made_by_connections_that_work) {
    open();
    EXPECT_EQ(after(PacketBuilder::tcp(real, client, syn | ack)), Kinds{});
    EXPECT_EQ(after(PacketBuilder::tcp(client, vip, ack)), Kinds{});
    EXPECT_EQ(after(PacketBuilder::tcp(real, client, rst)), Kinds{});
}

}  // namespace
}  // namespace shoal::dataplane::testing

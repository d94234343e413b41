#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/bpf/per_cpu.h"
#include "dataplane/bpf/testing/service_options.h"

// What `shoal trace` sees of a packet at either hook.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 8080};
constexpr std::uint32_t zero = 0;

std::uint32_t bits(std::string_view address) {
    std::uint32_t result = 0;
    inet_pton(AF_INET, std::string(address).c_str(), &result);
    return result;
}

class Trace : public ::testing::Test {
  protected:
    PacketPath path;
    shoal_trace_filter filter{};
    std::vector<shoal_trace_event> events;
    ring_buffer* ring = nullptr;

    Trace() {
        filter.verdicts = ~0ULL;
        ring = ring_buffer__new(path.map("trace_events"), collect, this, nullptr);
        pin_to_cpu(0);
    }
    ~Trace() override { ring_buffer__free(ring); }
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;

    static int collect(void* self, void* data, std::size_t size) {
        EXPECT_EQ(size, sizeof(shoal_trace_event));
        auto& event = static_cast<Trace*>(self)->events.emplace_back();
        std::memcpy(&event, data, sizeof event);
        return 0;
    }
    void begin() {
        bpf_map_update_elem(path.map("trace_filter"), &zero, &filter, BPF_ANY);
        path.settings().trace_until = ~0ULL;
    }
    /// What was shown since the last call.
    std::vector<shoal_trace_event> seen() {
        events.clear();
        ring_buffer__consume(ring);
        return events;
    }
    std::vector<shoal_trace_event> run(Hook hook, const PacketBuilder& packet) {
        path.run(hook, packet);
        return seen();
    }
    std::uint64_t left_out() const {
        std::uint64_t sum = 0;
        for (const auto& state :
             read_per_cpu<shoal_trace_state>(path.map("trace_state"), 0).value())
            sum += state.left_out;
        return sum;
    }
    static bool leads(const shoal_trace_tuple& tuple, const Endpoint& from, const Endpoint& to) {
        return tuple.source[0] == bits(from.address) && tuple.source_port == htons(from.port) &&
               tuple.destination[0] == bits(to.address) && tuple.destination_port == htons(to.port);
    }
};

TEST_F(Trace, is_off_by_itself) {
    path.serve({{"10.0.0.1"}});
    EXPECT_TRUE(run(Hook::tc, PacketBuilder::tcp(client, vip, syn)).empty());
}

TEST_F(Trace, shows_what_arrived_and_what_became_of_it) {
    const auto service = path.serve({{.address = "10.0.0.1", .port = 8080}});
    begin();
    std::uint16_t port = 1;
    for (const auto hook : {Hook::xdp, Hook::tc}) {
        const Endpoint from{client.address, ++port};
        const auto packet = PacketBuilder::tcp(from, vip, syn);
        const auto shown = run(hook, packet);
        ASSERT_EQ(shown.size(), 1U);
        const auto& event = shown[0];
        EXPECT_EQ(event.verdict, SHOAL_VERDICT_new_connection);
        EXPECT_EQ(event.xdp, hook == Hook::xdp ? 1 : 0);
        EXPECT_EQ(event.interface, loopback);
        EXPECT_EQ(event.bytes, packet.build().size() - 14);
        EXPECT_EQ(event.service, service);
        EXPECT_EQ(event.server, 0U);
        EXPECT_EQ(event.arrived.tcp_flags, syn);
        EXPECT_EQ(event.arrived.protocol, 6);
        EXPECT_TRUE(leads(event.arrived, from, vip));
        EXPECT_EQ(event.left.family, 4);
        EXPECT_TRUE(leads(event.left, from, real));
        EXPECT_GT(event.time_ns, 0U);
    }
}

TEST_F(Trace, shows_ipv6_and_tells_the_families_apart) {
    const Endpoint from{"2001:db8:1::7", 40000};
    const Endpoint to{"2001:db8:80::80", 80};
    path.serve({{"2001:db8:a::1", 8080}});
    filter.family = 6;
    inet_pton(AF_INET6, "2001:db8:1::", &filter.client[0]);
    filter.client_mask[0] = 0xffffffff;
    begin();
    const auto packet = PacketBuilder::tcp(from, to, syn);
    const auto shown = run(Hook::tc, packet);
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_new_connection);
    EXPECT_EQ(shown[0].bytes, packet.build().size() - 14);
    EXPECT_EQ(shown[0].server, 0U);
    EXPECT_EQ(shown[0].arrived.family, 6);
    EXPECT_EQ(shown[0].arrived.tcp_flags, syn);
    EXPECT_EQ(shown[0].arrived.destination_port, htons(80));
    EXPECT_EQ(shown[0].left.family, 6);
    EXPECT_EQ(shown[0].left.destination_port, htons(8080));
    EXPECT_EQ(run(Hook::xdp, PacketBuilder::tcp(from, to, ack)).size(), 1U);
    filter.family = 4;
    begin();
    EXPECT_TRUE(run(Hook::tc, PacketBuilder::tcp(from, to, ack)).empty());
}

TEST_F(Trace, looks_behind_extension_headers) {
    const Endpoint from{"2001:db8:1::7", 40000};
    const Endpoint to{"2001:db8:80::80", 80};
    const auto service = path.serve({{"2001:db8:a::1", 8080}});
    const Bytes padding{0, 0, 1, 4, 0, 0, 0, 0};
    filter.protocol = 6;
    begin();
    auto packet = PacketBuilder::tcp(from, to, syn);
    const auto shown = run(Hook::tc, packet.extension(0, padding).extension(60, padding));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_new_connection);
    EXPECT_EQ(shown[0].service, service);
    EXPECT_EQ(shown[0].arrived.protocol, 6);
    EXPECT_EQ(shown[0].arrived.source_port, htons(40000));
    EXPECT_EQ(shown[0].arrived.destination_port, htons(80));
    EXPECT_EQ(shown[0].arrived.tcp_flags, syn);
    EXPECT_EQ(shown[0].left.destination_port, htons(8080));
    auto later = PacketBuilder::tcp(from, to, ack);
    const auto fragment = run(Hook::tc, later.extension(0, padding).fragment(8, false));
    ASSERT_EQ(fragment.size(), 1U);
    EXPECT_EQ(fragment[0].arrived.protocol, 6);
    EXPECT_EQ(fragment[0].arrived.source_port, 0U);
}

TEST_F(Trace, shows_replies_and_later_packets) {
    path.serve({{.address = "10.0.0.1", .port = 8080}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    begin();
    auto shown = run(Hook::tc, PacketBuilder::tcp(real, client, syn | ack));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_replied);
    EXPECT_TRUE(leads(shown[0].arrived, real, client));
    EXPECT_TRUE(leads(shown[0].left, vip, client));
    EXPECT_EQ(shown[0].server, 0U);
    shown = run(Hook::xdp, PacketBuilder::tcp(client, vip, ack));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_forwarded);
    EXPECT_TRUE(leads(shown[0].left, client, real));
}

TEST_F(Trace, shows_drops_with_their_virtual_server) {
    const auto service = path.serve({{"10.0.0.1"}});
    add_access(path, service, "198.51.100.0", 24, false);
    begin();
    const auto shown = run(Hook::xdp, PacketBuilder::tcp(client, vip, syn));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_denied);
    EXPECT_EQ(shown[0].service, service);
    EXPECT_EQ(shown[0].server, SHOAL_NOBODY);
    EXPECT_EQ(shown[0].left.family, 0);
    EXPECT_TRUE(leads(shown[0].arrived, client, vip));
}

TEST_F(Trace, knows_the_server_of_a_single_datagram) {
    const auto service = path.serve({{"10.0.0.1"}, {"10.0.0.2"}}, SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    begin();
    auto shown = run(Hook::tc, PacketBuilder::udp(client, vip));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].server, 0U);
    shown = run(Hook::tc, PacketBuilder::udp(client, vip));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].server, 1U);
    EXPECT_EQ(shown[0].service, service);
}

TEST_F(Trace, shows_every_kind_of_packet) {
    path.serve({{"10.0.0.1"}});
    begin();
    const auto tcp = PacketBuilder::tcp(client, vip, syn);
    auto shown = run(Hook::tc, PacketBuilder(tcp).ether_type(0x0806));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].arrived.family, 0);
    shown = run(Hook::xdp, PacketBuilder(tcp).cut_to(20));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].arrived.family, 0);
    shown = run(Hook::xdp, PacketBuilder(tcp).cut_to(40));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].arrived.family, 4);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_truncated);
    EXPECT_EQ(shown[0].arrived.tcp_flags, 0);
    shown = run(Hook::tc, PacketBuilder(tcp).fragment(100, false));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].arrived.source_port, 0);
    shown = run(Hook::tc, PacketBuilder(tcp).ip_options(Bytes(40)));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_TRUE(leads(shown[0].arrived, client, vip));
}

TEST_F(Trace, the_filter_narrows_it) {
    path.serve({{.address = "10.0.0.1", .port = 8080}});
    const auto shows = [&](Hook hook, const PacketBuilder& packet) {
        bpf_map_update_elem(path.map("trace_filter"), &zero, &filter, BPF_ANY);
        return !run(hook, packet).empty();
    };
    const auto packet = PacketBuilder::tcp(client, vip, syn);
    const auto reply = PacketBuilder::tcp(real, client, syn | ack);
    begin();
    path.run(Hook::tc, packet);
    seen();

    filter.verdicts = ~(1ULL << SHOAL_VERDICT_forwarded);
    EXPECT_FALSE(shows(Hook::tc, PacketBuilder::tcp(client, vip, ack)));
    filter.verdicts = ~0ULL;

    filter.client[0] = bits("198.51.100.0");
    filter.client_mask[0] = bits("255.255.255.0");
    EXPECT_TRUE(shows(Hook::tc, packet));
    EXPECT_TRUE(shows(Hook::tc, reply));
    filter.client[0] = bits("198.51.101.0");
    EXPECT_FALSE(shows(Hook::tc, packet));
    filter.client_mask[0] = 0;

    filter.protocol = 17;
    EXPECT_FALSE(shows(Hook::tc, packet));
    filter.protocol = 6;
    EXPECT_TRUE(shows(Hook::tc, packet));

    filter.with_virtual = 1;
    filter.virtual_address[0] = bits(vip.address);
    EXPECT_TRUE(shows(Hook::tc, packet));
    EXPECT_TRUE(shows(Hook::tc, reply));
    filter.virtual_port = htons(81);
    EXPECT_FALSE(shows(Hook::tc, packet));
    EXPECT_FALSE(shows(Hook::tc, reply));
    filter.with_virtual = 0;

    filter.with_real = 1;
    filter.real_address[0] = bits(real.address);
    filter.real_port = htons(real.port);
    EXPECT_TRUE(shows(Hook::tc, packet));
    EXPECT_TRUE(shows(Hook::tc, reply));
    filter.real_address[0] = bits("10.0.0.2");
    EXPECT_FALSE(shows(Hook::tc, packet));
    EXPECT_FALSE(shows(Hook::tc, reply));
    EXPECT_EQ(left_out(), 0U);
}

TEST_F(Trace, shows_whom_icmp_errors_are_about) {
    const auto service = path.serve({{.address = "10.0.0.1", .port = 8080}});
    const auto request = PacketBuilder::tcp(client, vip, syn);
    path.run(Hook::tc, request);
    begin();
    const auto unreachable = [](const Endpoint& from, std::string_view to,
                                const PacketBuilder& about) {
        return PacketBuilder::icmp(from.address, to, 3, 4, 1300, quote(about.build(), 28));
    };
    const auto reply = PacketBuilder::tcp(vip, client, syn | ack);
    auto shown = run(Hook::tc, unreachable(client, vip.address, reply));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_icmp_to_server);
    EXPECT_EQ(shown[0].service, service);
    EXPECT_EQ(shown[0].server, 0U);
    EXPECT_EQ(shown[0].left.destination[0], bits(real.address));

    shown = run(Hook::tc, unreachable(real, client.address, PacketBuilder::tcp(client, real, syn)));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_icmp_to_client);
    EXPECT_EQ(shown[0].server, 0U);
    EXPECT_EQ(shown[0].left.source[0], bits(vip.address));

    shown = run(Hook::tc, PacketBuilder(request).ttl(1));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_ttl_answered);
    EXPECT_EQ(shown[0].server, 0U);
    EXPECT_EQ(shown[0].left.source[0], bits(vip.address));
    EXPECT_EQ(shown[0].left.destination[0], bits(client.address));

    // A port cannot exclude what has none.
    filter.with_virtual = 1;
    filter.virtual_address[0] = bits(vip.address);
    filter.virtual_port = htons(81);
    begin();
    EXPECT_EQ(run(Hook::tc, unreachable(client, vip.address, reply)).size(), 1U);
    filter.virtual_address[0] = bits("192.0.2.81");
    begin();
    EXPECT_TRUE(run(Hook::tc, unreachable(client, vip.address, reply)).empty());
}

TEST_F(Trace, shows_whom_later_fragments_belong_to) {
    const auto service =
        path.serve({{.address = "10.0.0.1", .port = 8080}}, SHOAL_SCHEDULER_RR, 17);
    begin();
    const auto first = PacketBuilder::udp(client, vip).payload(Bytes(1472)).fragment(0, true);
    auto shown = run(Hook::tc, first);
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].arrived.source_port, htons(client.port));
    shown = run(Hook::tc, PacketBuilder::udp(client, vip).fragment(185, false).body(Bytes(300)));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_forwarded);
    EXPECT_EQ(shown[0].service, service);
    EXPECT_EQ(shown[0].server, 0U);
    EXPECT_EQ(shown[0].left.destination[0], bits(real.address));
}

TEST_F(Trace, shows_who_serves_without_a_record) {
    const auto service = path.serve({{.address = "10.0.0.1", .method = SHOAL_METHOD_DIRECT}});
    for (std::uint16_t port = 1024; path.free_cells() != 0; ++port) {
        ASSERT_LT(port, 10'000);
        for (const auto flags : {syn, ack})
            path.run_quietly(Hook::tc,
                             PacketBuilder::tcp({"203.0.113.1", port}, vip, flags).build());
    }
    begin();
    const auto shown = run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].verdict, SHOAL_VERDICT_stateless);
    EXPECT_EQ(shown[0].service, service);
    EXPECT_EQ(shown[0].server, 0U);
    EXPECT_TRUE(leads(shown[0].left, client, vip));
}

TEST_F(Trace, is_bounded_and_counts_what_it_leaves_out) {
    path.serve({{"10.0.0.1"}});
    begin();
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    seen();
    const auto packet = PacketBuilder::tcp(client, vip, ack).build();
    constexpr int packets = 20'000;
    for (int i = 0; i < packets; ++i)
        path.run_quietly(Hook::tc, packet);
    // Nobody reads meanwhile: the ring holds some two thousand.
    const auto shown = seen().size();
    EXPECT_GT(shown, 100U);
    EXPECT_LT(shown, 3000U);
    EXPECT_EQ(shown + left_out(), static_cast<std::uint64_t>(packets));
    // There is room again, and tokens sooner or later.
    while (run(Hook::tc, PacketBuilder::tcp(client, vip, ack)).empty()) {
    }
}

TEST_F(Trace, ends_by_itself_when_nobody_prolongs_it) {
    path.serve({{"10.0.0.1"}});
    begin();
    EXPECT_EQ(run(Hook::tc, PacketBuilder::tcp(client, vip, syn)).size(), 1U);
    path.settings().trace_until = 1;
    EXPECT_TRUE(run(Hook::tc, PacketBuilder::tcp(client, vip, ack)).empty());
    EXPECT_EQ(path.settings().trace_until, 0U);
}

}  // namespace
}  // namespace shoal::dataplane::testing

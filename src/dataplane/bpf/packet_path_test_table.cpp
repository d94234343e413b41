#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <set>
#include <thread>

#include "dataplane/bpf/testing/packet_path.h"

// The flow table: expiry, free cells, overflow, counters.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};
constexpr Endpoint real{"10.0.0.1", 80};

Endpoint client_number(std::uint16_t number) {
    // Not from 0 on: port 20 opens nothing.
    return {"198.51.100.7", static_cast<std::uint16_t>(1024 + number)};
}

TEST(FlowTable, counts_what_it_forwards) {
    PacketPath path;
    const auto service = path.serve({{"10.0.0.1"}, {"10.0.0.2"}});
    std::uint64_t bytes = 0;
    for (std::uint16_t i = 0; i < 100; ++i) {
        for (const auto hook : {Hook::tc, Hook::xdp}) {
            const auto packet =
                PacketBuilder::tcp(client_number(i), vip, hook == Hook::tc ? syn : ack)
                    .payload(Bytes(i))
                    .build();
            path.run_quietly(hook, packet);
            bytes += packet.size() - 14;
        }
        path.run_quietly(Hook::tc, PacketBuilder::tcp({i % 2 ? "10.0.0.2" : "10.0.0.1", 80},
                                                      client_number(i), ack)
                                       .payload({})
                                       .build());
    }
    const auto all = path.service_counters(service);
    EXPECT_EQ(all.connections, 100U);
    EXPECT_EQ(all.packets_in, 200U);
    EXPECT_EQ(all.bytes_in, bytes);
    EXPECT_EQ(all.packets_out, 100U);
    EXPECT_EQ(all.bytes_out, 4000U);
    const auto one = path.server_counters(0), other = path.server_counters(1);
    EXPECT_EQ(one.connections, 50U);
    EXPECT_EQ(other.connections, 50U);
    EXPECT_EQ(one.packets_in + other.packets_in, all.packets_in);
    EXPECT_EQ(one.bytes_in + other.bytes_in, all.bytes_in);
    EXPECT_EQ(one.bytes_out, other.bytes_out);
}

TEST(Sweeper, ends_connections_by_the_time_out_of_their_state) {
    for (unsigned state = 0; state < SHOAL_STATES; ++state) {
        PacketPath path;
        path.serve({{"10.0.0.1"}});
        path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
        auto& connection = path.only_connection();
        connection.word = (connection.word & ~SHOAL_WORD_STATE_MASK) | state;
        const auto seconds = path.settings().timeout[state] / path.settings().hz;
        path.age(seconds - 1);
        EXPECT_TRUE(path.sweep());
        EXPECT_EQ(path.live().size(), 1U) << "state " << state;
        EXPECT_EQ(path.sweeper().used, 1U);
        path.age(2);
        EXPECT_TRUE(path.sweep());
        EXPECT_EQ(path.live().size(), 0U) << "state " << state;
        EXPECT_EQ(path.sweeper().expired, 1U);
        EXPECT_EQ(path.sweeper().used, 0U);
        EXPECT_EQ(path.load(0), 0U);
        EXPECT_EQ(path.free_cells(), path.cells() - 1);
        for (const auto& bucket : path.buckets())
            for (const auto slot : bucket.slot)
                EXPECT_EQ(slot, 0U);
    }
}

TEST(Sweeper, a_packet_keeps_its_connection) {
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.age(59);
    path.run(Hook::xdp, PacketBuilder::tcp(client, vip, syn));
    path.age(59);
    path.sweep();
    EXPECT_EQ(path.live().size(), 1U);
}

TEST(Sweeper, lets_a_freed_cell_rest_and_then_gives_it_out_again) {
    pin_to_cpu(0);
    PacketPath path(64);
    path.serve({{"10.0.0.1"}}, SHOAL_SCHEDULER_RR, 17);  // never half-open
    std::set<std::uint32_t> generations;
    for (int round = 0; round < 3; ++round) {
        for (std::uint16_t i = 1; i < 64; ++i)
            ASSERT_EQ(path.run(Hook::tc, PacketBuilder::udp(client_number(i), vip)).verdict,
                      "new_connection");
        for (const auto* connection : path.live())
            generations.insert(connection->word >> SHOAL_WORD_GENERATION_SHIFT);
        path.age(301);
        path.sweep();
        EXPECT_EQ(path.free_cells(), 63U);
        EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(client, vip)).verdict, "table_full")
            << "the cells still rest";
        path.sweep();
    }
    EXPECT_EQ(generations, (std::set<std::uint32_t>{0, 1, 2}));
}

TEST(Sweeper, leaves_where_another_one_sweeps) {
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.age(61);
    path.sweeper().busy = 1;
    EXPECT_FALSE(path.sweep());
    EXPECT_EQ(path.live().size(), 1U);
    path.sweeper().busy = 0;
    EXPECT_TRUE(path.sweep());
    EXPECT_EQ(path.live().size(), 0U);
}

TEST(Sweeper, runs_by_its_timer_and_may_be_started_twice) {
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.age(61);
    EXPECT_EQ(path.start_sweeper(), 0U);
    EXPECT_EQ(path.start_sweeper(), 0U);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto rounds = [&] { return path.sweeper().ticks / SHOAL_SWEEP_TICKS; };
    while (rounds() < 2 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_GE(rounds(), 2U);
    EXPECT_EQ(path.live().size(), 0U);
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto age = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
                     static_cast<double>(path.sweeper().last_tick_ns) / 1e9;
    EXPECT_LT(age, 5);
}

// One client port to many virtual servers: all have one hash, two buckets hold 16 of them.
class Overflow : public ::testing::Test {
  protected:
    static constexpr std::uint16_t services = 100;
    PacketPath path{4096};

    void SetUp() override {
        for (std::uint16_t i = 0; i < services; ++i) {
            const auto service = path.add_service(
                "192.0.2.80", static_cast<std::uint16_t>(1000 + i), SHOAL_SCHEDULER_RR);
            path.set_pool(service,
                          {{path.add_server(service, {.address = "10.0.0.1",
                                                      .port = static_cast<std::uint16_t>(2000 + i),
                                                      .method = i % 4 == 3 ? SHOAL_METHOD_DIRECT
                                                                           : SHOAL_METHOD_NAT}),
                            1}});
        }
    }
    static Endpoint service(std::uint16_t i) {
        return {"192.0.2.80", static_cast<std::uint16_t>(1000 + i)};
    }
    static Endpoint server(std::uint16_t i) {
        return {"10.0.0.1", static_cast<std::uint16_t>(2000 + i)};
    }
    std::uint64_t marks() const {
        std::uint64_t sum = 0;
        for (const auto& bucket : path.buckets())
            sum += (bucket.slot[SHOAL_OVERFLOW_COUNT_SLOT] & SHOAL_SLOT_COUNT_MASK) /
                   SHOAL_SLOT_COUNT_ONE;
        return sum;
    }
};

TEST_F(Overflow, every_connection_is_found_in_both_directions) {
    for (std::uint16_t i = 0; i < services; ++i)
        ASSERT_EQ(
            path.run(i % 2 ? Hook::tc : Hook::xdp, PacketBuilder::tcp(client, service(i), syn))
                .verdict,
            "new_connection");
    EXPECT_EQ(path.live().size(), services);
    EXPECT_EQ(marks(), services - 16U);
    // The first 16 fill the buckets; one in four of the others is direct and has one entry.
    EXPECT_EQ(path.overflow_entries(), 84U * 2 - 21);
    for (std::uint16_t i = 0; i < services; ++i) {
        EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::tcp(client, service(i), ack)).verdict,
                  "forwarded");
        EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(server(i), client, ack)).verdict,
                  i % 4 == 3 ? "not_ours" : "replied");
        EXPECT_EQ(path.server_counters(i).packets_in, 2U);
        EXPECT_EQ(path.active(i), 1U);
    }
}

TEST_F(Overflow, ends_without_a_trace) {
    for (int round = 0; round < 3; ++round) {
        for (std::uint16_t i = 0; i < services; ++i)
            ASSERT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, service(i), syn)).verdict,
                      "new_connection");
        path.age(61);
        path.sweep();
        EXPECT_EQ(path.live().size(), 0U);
        EXPECT_EQ(path.overflow_entries(), 0U);
        EXPECT_EQ(marks(), 0U);
        EXPECT_EQ(path.free_cells(), path.cells() - 1);
        for (const auto& bucket : path.buckets())
            for (const auto slot : bucket.slot)
                ASSERT_EQ(slot, 0U);
    }
}

TEST_F(Overflow, freed_slots_are_used_again_while_the_count_stays) {
    for (std::uint16_t i = 0; i < services; ++i)
        path.run(Hook::tc, PacketBuilder::tcp(client, service(i), syn));
    // The first sixteen connections end.
    for (auto& connection : path.connections())
        if (connection.protocol != 0 && connection.service < 16)
            connection.seen -= 61 * path.settings().hz;
    path.sweep();
    EXPECT_EQ(path.live().size(), services - 16U);
    EXPECT_EQ(marks(), services - 16U);
    for (std::uint16_t i = 0; i < services; ++i)
        EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::tcp(client, service(i), syn)).verdict,
                  i < 16 ? "new_connection" : "forwarded");
    EXPECT_EQ(marks(), services - 16U);
}

TEST(OverflowMap, a_full_one_refuses_and_changes_nothing) {
    pin_to_cpu(0);
    PacketPath path(256);  // 16 entries: eight NAT connections
    std::uint16_t port = 1000;
    std::string verdict;
    for (;; ++port) {
        const auto service = path.add_service("192.0.2.80", port, SHOAL_SCHEDULER_RR);
        path.set_pool(service, {{path.add_server(service, {"10.0.0.1", port}), 1}});
        verdict = path.run(Hook::tc, PacketBuilder::tcp(client, {"192.0.2.80", port}, syn)).verdict;
        path.run(Hook::tc, PacketBuilder::tcp(client, {"192.0.2.80", port}, ack));
        if (verdict != "new_connection" || port == 1200) break;
    }
    EXPECT_EQ(verdict, "table_full");
    EXPECT_GE(port, 1000 + 24);
    EXPECT_LT(port, 1200);
    EXPECT_EQ(path.live().size(), port - 1000U);
    EXPECT_EQ(path.free_cells() + path.live().size(), path.cells() - 1);
    EXPECT_EQ(path.load(port - 1000U), 0U);
}

TEST(FlowTable, a_cell_of_another_tuple_with_the_same_hash_is_not_taken) {
    PacketPath path;
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    auto& connection = path.only_connection();
    connection.virtual_port = 0;  // as if the signature alone agreed
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack)).verdict, "no_connection");
    connection.real_port = 0;
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(real, client, ack)).verdict, "not_ours");
}

}  // namespace
}  // namespace shoal::dataplane::testing

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "dataplane/bpf/testing/pressure.h"
#include "dataplane/bpf/testing/service_options.h"

// A full table: half-open connections make room, and what is served without a record.

namespace shoal::dataplane::testing::pressure {
namespace {

TEST_F(Pressure, a_flood_lives_on_its_own_half_open_connections) {
    serve(translated);
    for (std::uint16_t port = 2000; port < 2100; ++port) {
        ASSERT_EQ(send({held, port}, syn), "new_connection");
        ASSERT_EQ(send({held, port}, ack), "forwarded");
    }
    std::uint32_t number = 0;
    const auto flood = [&](std::uint32_t count) {
        for (; count > 0; --count) {
            const std::string from = "203.0.113." + std::to_string(number % 250);
            const auto port = static_cast<std::uint16_t>(1024 + number++ / 250);
            path.run_quietly(number % 2 ? Hook::tc : Hook::xdp,
                             PacketBuilder::tcp({from, port}, vip, syn).build());
        }
    };
    flood(cells - 200);
    const auto refused = [&] { return path.verdicts().at("table_full"); };
    for (int round = 0; round < 60; ++round) {
        for (auto& connection : path.connections())
            if ((connection.word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_SYN_RECV)
                connection.seen -= 2 * path.settings().hz;
        flood(60);
        const Endpoint real_client{"198.51.100.9", static_cast<std::uint16_t>(3000 + round)};
        ASSERT_EQ(send(real_client, syn), "new_connection") << round;
        ASSERT_EQ(send(real_client, ack), "forwarded") << round;
        path.sweep();
        path.sweep();
    }
    EXPECT_EQ(refused(), 0U);
    EXPECT_GT(number, 4 * cells);
    EXPECT_EQ(path.sweeper().expired, 0U) << "nobody else ended them";
    for (std::uint16_t port = 2000; port < 2100; ++port)
        EXPECT_EQ(send({held, port}, ack), "forwarded");
    for (std::uint16_t port = 3000; port < 3060; ++port)
        EXPECT_EQ(send({"198.51.100.9", port}, ack), "forwarded");
    expect_balanced_books();
}

TEST_F(Pressure, where_none_is_free_even_young_ones_make_room) {
    serve(translated);
    std::uint16_t port = 1024;
    while (send({held, port}, syn) == "new_connection")
        ASSERT_LT(++port, 1024 + 2 * cells);
    for (auto& connection : path.connections())
        connection.seen -= path.settings().hz / 5;
    const auto before = path.live().size();
    EXPECT_EQ(send({"198.51.100.9", 5000}, syn), "table_full");
    EXPECT_EQ(path.live().size(), before - 2);
    EXPECT_EQ(send({"198.51.100.9", 5000}, syn), "table_full") << "the cells rest";
    path.sweep();
    path.sweep();
    EXPECT_EQ(send({"198.51.100.9", 5000}, syn), "new_connection");
    expect_balanced_books();
}

TEST_F(Pressure, a_cell_is_not_given_out_before_its_number_is_written) {
    serve(translated);
    path.run(Hook::tc, PacketBuilder::tcp({held, 1024}, vip, syn));
    path.age(61);
    path.sweep();
    // As if the CPU that puts it in had been stopped just before it writes the cell's number.
    const std::uint32_t place = cells - 1;
    std::uint32_t cell = 0, none = 0;
    ASSERT_EQ(bpf_map_lookup_elem(path.map("free_cells"), &place, &cell), 0);
    EXPECT_NE(cell, 0U);
    ASSERT_EQ(bpf_map_update_elem(path.map("free_cells"), &place, &none, BPF_ANY), 0);
    path.sweep();
    shoal_free_ring ring{};
    const std::uint32_t zero = 0;
    ASSERT_EQ(bpf_map_lookup_elem(path.map("free_ring"), &zero, &ring), 0);
    EXPECT_EQ(ring.tail, cells - 1);
    EXPECT_EQ(ring.written, cells);
    ASSERT_EQ(bpf_map_update_elem(path.map("free_cells"), &place, &cell, BPF_ANY), 0);
    path.sweep();
    ASSERT_EQ(bpf_map_lookup_elem(path.map("free_ring"), &zero, &ring), 0);
    EXPECT_EQ(ring.tail, cells);
}

TEST_F(Pressure, templates_of_a_flood_go_with_it_and_those_of_clients_stay) {
    set_persistence(path, serve(translated), 300);
    const Endpoint real_client{"198.51.100.9", 5000};
    ASSERT_EQ(send(real_client, syn), "new_connection");
    ASSERT_EQ(send(real_client, ack), "forwarded");
    ASSERT_EQ(send(real_client, rst), "forwarded");
    ASSERT_EQ(send({"198.51.100.9", 5001}, syn), "new_connection");
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 30; ++i)
            send({"203.0." + std::to_string(round) + "." + std::to_string(i + 1), 4000}, syn);
        for (auto& connection : path.connections())
            if (connection.protocol == 6) connection.seen -= 2 * path.settings().hz;
        path.sweep();
        path.sweep();
    }
    EXPECT_EQ(path.verdicts().at("table_full"), 0U);
    const auto kept = templates(path);
    EXPECT_LT(kept.size(), cells / 2);
    EXPECT_TRUE(std::ranges::any_of(kept, [](const shoal_connection* template_) {
        return template_->client_address == inet_addr("198.51.100.9");
    })) << "its connection was established once";
}

class Stateless : public Pressure, public ::testing::WithParamInterface<shoal_scheduler> {};

TEST_P(Stateless, a_flow_stays_with_one_server_and_is_not_counted) {
    const auto service = serve(direct, GetParam());
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    const auto connections = path.service_counters(service).connections;
    const auto packets = path.service_counters(service).packets_in;
    std::set<int> used;
    for (std::uint16_t client = 0; client < 60; ++client) {
        const std::string from = "203.0.113." + std::to_string(client + 1);
        const Endpoint endpoint{from, static_cast<std::uint16_t>(5000 + client)};
        const auto first = path.run(Hook::tc, PacketBuilder::tcp(endpoint, vip, syn));
        ASSERT_EQ(first.verdict, "stateless");
        ASSERT_EQ(first.action, tc_redirect);
        for (const auto flags : {ack, std::uint8_t(fin | ack), rst}) {
            const auto next = path.run(Hook::xdp, PacketBuilder::tcp(endpoint, vip, flags));
            ASSERT_EQ(next.verdict, "stateless");
            ASSERT_EQ(next.action, xdp_redirect);
            ASSERT_EQ(server_of(next), server_of(first));
        }
        used.insert(server_of(first));
    }
    // dh goes by the virtual server's address.
    EXPECT_EQ(used.size(), GetParam() == SHOAL_SCHEDULER_DH ? 1U : 3U);
    EXPECT_EQ(path.service_counters(service).connections, connections);
    EXPECT_EQ(path.service_counters(service).packets_in, packets + 240);
    EXPECT_EQ(path.live().size(), cells - 1);
    expect_balanced_books();
}

INSTANTIATE_TEST_SUITE_P(Schedulers, Stateless,
                         ::testing::Values(SHOAL_SCHEDULER_RR, SHOAL_SCHEDULER_WLC,
                                           SHOAL_SCHEDULER_LBLC, SHOAL_SCHEDULER_DH,
                                           SHOAL_SCHEDULER_SH, SHOAL_SCHEDULER_MH,
                                           SHOAL_SCHEDULER_TWOS),
                         [](const auto& tested) { return std::to_string(tested.param); });

TEST_F(Pressure, sh_and_mh_serve_a_client_as_ever) {
    for (const auto scheduler : {SHOAL_SCHEDULER_SH, SHOAL_SCHEDULER_MH}) {
        PacketPath fresh{cells};
        fresh.serve(direct, scheduler);
        for (std::uint32_t i = 0; i < 3; ++i)
            fresh.server(i).mac[5] = static_cast<std::uint8_t>(i);
        std::map<std::uint16_t, int> servers;
        for (std::uint16_t client = 1; client < 40; ++client) {
            const std::string from = "203.0.113." + std::to_string(client);
            servers[client] =
                server_of(fresh.run(Hook::tc, PacketBuilder::tcp({from, 5000}, vip, syn)));
        }
        for (std::uint16_t port = 1024; fresh.free_cells() != 0 && port < 60000; ++port) {
            fresh.run_quietly(Hook::tc, PacketBuilder::tcp({held, port}, vip, syn).build());
            fresh.run_quietly(Hook::tc, PacketBuilder::tcp({held, port}, vip, ack).build());
        }
        for (const auto& [client, server] : servers) {
            const std::string from = "203.0.113." + std::to_string(client);
            const auto outcome = fresh.run(Hook::tc, PacketBuilder::tcp({from, 6000}, vip, syn));
            ASSERT_EQ(outcome.verdict, "stateless");
            EXPECT_EQ(server_of(outcome), server);
        }
    }
}

TEST_F(Pressure, servers_without_weight_get_nothing) {
    const auto service = serve(direct);
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    path.set_pool(service, {{0, 0}, {1, 3}, {2, 0}});
    for (std::uint16_t port = 5000; port < 5030; ++port)
        EXPECT_EQ(
            server_of(path.run(Hook::tc, PacketBuilder::tcp({"203.0.113.1", port}, vip, syn))), 1);
    path.set_pool(service, {{0, 0}, {1, 0}, {2, 0}});
    EXPECT_EQ(send({"203.0.113.1", 5000}, syn), "no_server");
}

TEST_F(Pressure, translation_goes_both_ways_where_it_names_one_virtual_server) {
    const auto service = serve(translated);
    for (std::uint32_t server = 0; server < 3; ++server)
        ASSERT_NO_FATAL_FAILURE(add_origin(service, server));
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    const Endpoint client{"203.0.113.1", 5000};
    const auto out = path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    EXPECT_EQ(out.verdict, "stateless");
    EXPECT_EQ(out.packet[33] - 1, server_of(out));
    const auto after = path.run(Hook::xdp, PacketBuilder::tcp(client, vip, ack));
    EXPECT_EQ(after.verdict, "stateless");
    EXPECT_EQ(after.packet[33], out.packet[33]);
}

TEST_F(Pressure, translation_is_refused_where_answers_may_be_of_several_virtual_servers) {
    serve(translated);
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    EXPECT_EQ(send({"203.0.113.1", 5000}, syn), "table_full");
    EXPECT_EQ(send({"203.0.113.1", 5000}, ack), "no_connection");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"10.0.0.1", 80}, {"203.0.113.1", 5000}, ack))
                  .verdict,
              "not_ours");
}

TEST_F(Pressure, what_began_without_a_record_gets_one_that_agrees) {
    const auto service = serve(direct);
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    const Endpoint client{"203.0.113.1", 5000};
    const auto first = path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    ASSERT_NO_FATAL_FAILURE(end_all());
    EXPECT_EQ(send(client, std::uint8_t(fin | ack)), "stateless") << "it ends: no record";
    const auto next = path.run(Hook::tc, PacketBuilder::tcp(client, vip, ack));
    EXPECT_EQ(next.verdict, "new_connection");
    EXPECT_EQ(server_of(next), server_of(first));
    const auto& record = path.only_connection();
    EXPECT_EQ(static_cast<int>(record.server), server_of(first));
    EXPECT_EQ(record.word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_SYN_RECV);
    EXPECT_EQ(send(client, ack), "forwarded");
    EXPECT_EQ(record.word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_ESTABLISHED);
    EXPECT_EQ(path.active(record.server), 1U);
    EXPECT_EQ(path.service_counters(service).connections, cells);
}

TEST_F(Pressure, a_quarter_of_an_hour_later_it_is_forgotten) {
    const auto service = serve(direct);
    const Endpoint client{"203.0.113.1", 5000};
    EXPECT_EQ(send(client, ack), "no_connection");
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    EXPECT_EQ(send(client, ack), "no_connection") << "a full table alone does not matter";
    EXPECT_EQ(send(client, syn), "stateless");
    EXPECT_EQ(send(client, ack), "stateless");
    const std::uint64_t hz = path.settings().hz;
    set_stateless_time(service, stateless_time(service) - (SHOAL_STATELESS_SECONDS - 60) * hz);
    ASSERT_NO_FATAL_FAILURE(end_all());
    EXPECT_EQ(send(client, ack), "new_connection");
    ASSERT_NO_FATAL_FAILURE(end_all());
    set_stateless_time(service, stateless_time(service) - 3600 * hz);
    EXPECT_EQ(send(client, ack), "no_connection");
}

TEST_F(Pressure, a_persistent_client_keeps_its_server_with_and_without_room) {
    const auto service = serve(direct);
    set_persistence(path, service, 300, 24);
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    const auto known = static_cast<int>(only_template(path).server);
    EXPECT_EQ(server_of(path.run(Hook::tc, PacketBuilder::tcp({"198.51.100.99", 1}, vip, syn))),
              known);
    const auto first = path.run(Hook::tc, PacketBuilder::tcp({"203.0.113.1", 5000}, vip, syn));
    EXPECT_EQ(first.verdict, "stateless");
    const auto same_network =
        path.run(Hook::tc, PacketBuilder::tcp({"203.0.113.77", 6000}, vip, syn));
    EXPECT_EQ(server_of(same_network), server_of(first));
    // There is room again: a template is made that agrees with what the client began.
    for (auto& connection : path.connections())
        if (connection.protocol == 6) connection.seen -= 1000 * path.settings().hz;
    path.sweep();
    path.sweep();
    const auto recorded = path.run(Hook::tc, PacketBuilder::tcp({"203.0.113.5", 7000}, vip, syn));
    EXPECT_EQ(recorded.verdict, "new_connection");
    EXPECT_EQ(server_of(recorded), server_of(first));
    EXPECT_EQ(server_of(path.run(Hook::tc, PacketBuilder::tcp({"203.0.113.1", 5000}, vip, ack))),
              server_of(first));
}

TEST_F(Pressure, a_segment_out_of_the_blue_makes_no_template) {
    const auto service = serve(direct);
    set_persistence(path, service, 300);
    set_stateless_time(service, 1);
    const std::uint64_t hz = path.settings().hz;
    ASSERT_NO_FATAL_FAILURE(fill_with_established());
    send({"203.0.113.1", 5000}, syn);
    EXPECT_GT(stateless_time(service), hz);
    const auto before = templates(path).size();
    for (auto& connection : path.connections())
        if (connection.protocol == 6) connection.seen -= 1000 * path.settings().hz;
    path.sweep();
    path.sweep();
    EXPECT_EQ(send({"203.0.113.2", 5000}, ack), "new_connection");
    EXPECT_EQ(templates(path).size(), before);
}

TEST_F(Pressure, datagrams_stay_with_their_server) {
    serve(direct, SHOAL_SCHEDULER_RR, 17);
    for (std::uint16_t port = 1024; path.free_cells() != 0; ++port)
        path.run_quietly(Hook::tc, PacketBuilder::udp({held, port}, vip).build());
    const auto packet = PacketBuilder::udp({"203.0.113.1", 5000}, vip);
    const auto first = path.run(Hook::tc, packet);
    EXPECT_EQ(first.verdict, "stateless");
    EXPECT_EQ(server_of(path.run(Hook::xdp, packet)), server_of(first));
    ASSERT_NO_FATAL_FAILURE(end_all());
    const auto recorded = path.run(Hook::tc, packet);
    EXPECT_EQ(recorded.verdict, "new_connection");
    EXPECT_EQ(server_of(recorded), server_of(first));
}

TEST_F(Pressure, two_cpus_flood_reclaim_and_sweep_with_exact_counts) {
    ASSERT_GE(std::thread::hardware_concurrency(), 2U) << "one CPU cannot show a race";
    serve(translated);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> lost{0};
    for (std::uint16_t port = 2000; port < 2050; ++port) {
        send({held, port}, syn);
        send({held, port}, ack);
    }
    const auto flood = [&](unsigned cpu) {
        pin_to_cpu(cpu);
        std::mt19937 random(cpu);
        for (int i = 0; i < 60'000; ++i) {
            // Few tuples, so that both meet the same connections, reclaimed ones too.
            const std::string from = "203.0.113." + std::to_string(random() % 20);
            const auto port = static_cast<std::uint16_t>(1024 + random() % 200);
            path.run_quietly(i % 2 ? Hook::tc : Hook::xdp,
                             PacketBuilder::tcp({from, port}, vip, syn).build());
            const Endpoint established{held, static_cast<std::uint16_t>(2000 + i % 50)};
            const auto sent =
                path.run_quietly(Hook::tc, PacketBuilder::tcp(established, vip, ack).build());
            if (sent != tc_redirect) ++lost;
        }
    };
    std::thread sweeper([&] {
        while (!stop) {
            for (auto& connection : path.connections())
                if ((connection.word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_SYN_RECV)
                    connection.seen -= 2 * path.settings().hz;
            path.sweep();
        }
    });
    std::thread other([&] { flood(1); });
    flood(0);
    other.join();
    stop = true;
    sweeper.join();
    EXPECT_EQ(lost, 0U);
    EXPECT_EQ(path.verdicts().at("internal"), 0U);
    EXPECT_GT(path.verdicts().at("new_connection"), 4 * cells) << "cells were used again";
    path.sweep();
    path.sweep();
    expect_balanced_books();
    path.age(1000);
    path.sweep();
    path.sweep();
    EXPECT_EQ(path.free_cells(), cells - 1);
    for (const auto& bucket : path.buckets())
        for (const auto slot : bucket.slot)
            ASSERT_EQ(slot, 0U);
}

}  // namespace
}  // namespace shoal::dataplane::testing::pressure

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "dataplane/bpf/testing/service_options.h"

// Persistence: a client's connections go to one real server, as long as IPVS's templates say so.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint vip{"192.0.2.80", 80};
constexpr const char* one_client = "198.51.100.7";
constexpr const char* other_client = "198.51.100.8";
constexpr std::uint32_t timeout = 300;

class Persistence : public ::testing::Test {
  protected:
    PacketPath path;
    std::uint32_t service = 0;
    std::uint16_t port = 1024;

    void SetUp() override {
        service = path.serve({{"10.0.0.1"}, {"10.0.0.2"}, {"10.0.0.3"}});
        set_persistence(path, service, timeout);
    }
    /// Of a new connection.
    int server_of(const char* client, Endpoint to = vip) {
        const auto hook = ++port % 2 ? Hook::tc : Hook::xdp;
        return server_after(hook, PacketBuilder::tcp({client, port}, to, syn));
    }
    int server_after(Hook hook, const PacketBuilder& packet) {
        const auto outcome = path.run(hook, packet);
        if (outcome.verdict != "new_connection") return -1;
        return outcome.packet[33] - 1;  // the last byte of 10.0.0.x
    }
    std::uint32_t all_loads() const {
        std::uint32_t sum = 0;
        for (std::uint32_t server = 0; server < 4; ++server)
            sum += path.active(server) + path.inactive(server);
        return sum;
    }
    void end_connections() {
        for (auto& cell : path.connections())
            if (cell.protocol == 6) cell.seen -= 1000 * path.settings().hz;
        path.sweep();
    }
    void remove(std::uint32_t server) {
        path.server(server).flags &= static_cast<std::uint8_t>(~SHOAL_SERVER_AVAILABLE);
    }
};

TEST_F(Persistence, a_client_stays_with_its_server) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(server_of(one_client), 0);
        EXPECT_EQ(server_of(other_client), 1);
    }
    EXPECT_EQ(templates(path).size(), 2U);
    EXPECT_EQ(templates(path)[0]->controlled, 10U);
}

TEST_F(Persistence, a_time_to_live_that_ends_here_opens_no_template) {
    const auto outcome = path.run(Hook::tc, PacketBuilder::tcp({one_client, 7}, vip, syn).ttl(1));
    EXPECT_EQ(outcome.verdict, "ttl_answered");
    EXPECT_TRUE(templates(path).empty());
}

TEST_F(Persistence, a_template_is_not_counted_as_a_connection) {
    server_of(one_client);
    EXPECT_EQ(path.live().size(), 1U);
    EXPECT_EQ(all_loads(), 1U);
    EXPECT_EQ(path.service_counters(service).connections, 1U);
    end_connections();
    EXPECT_EQ(all_loads(), 0U);
    EXPECT_EQ(path.sweeper().expired, 1U);
    EXPECT_EQ(path.sweeper().used, 1U) << "but it uses a cell";
    const auto& made = only_template(path);
    EXPECT_EQ(made.service, service);
    EXPECT_EQ(made.virtual_address, service);
    EXPECT_EQ(made.client_port, 0U);
    EXPECT_EQ(made.controlled, 0U);
}

TEST_F(Persistence, each_template_is_counted_for_its_server_until_it_is_over) {
    const auto counted = [this] {
        return std::array{counted_templates(path, 0), counted_templates(path, 1),
                          counted_templates(path, 2)};
    };
    using Counts = std::array<std::uint64_t, 3>;
    for (const char* client : {one_client, other_client, "198.51.100.9", "198.51.100.10"})
        server_of(client);
    server_of(one_client);
    EXPECT_EQ(counted(), (Counts{2, 1, 1})) << "connections under one do not count";
    path.set_pool(service, {{0, 0}, {1, 1}, {2, 1}});
    EXPECT_EQ(counted(), (Counts{2, 1, 1})) << "until the clients are seen again";
    EXPECT_EQ(server_of(one_client), 1);
    EXPECT_EQ(counted(), (Counts{1, 2, 1}));
    end_connections();
    path.age(timeout + 1);
    path.sweep();
    EXPECT_EQ(counted(), (Counts{0, 0, 0}));
    path.sweep();
    EXPECT_EQ(counted(), (Counts{0, 0, 0})) << "each ends once";
}

TEST_F(Persistence, the_mask_bundles_clients) {
    set_persistence(path, service, timeout, 24);
    EXPECT_EQ(server_of("198.51.100.7"), 0);
    EXPECT_EQ(server_of("198.51.100.200"), 0);
    EXPECT_EQ(server_of("198.51.101.7"), 1);
    EXPECT_EQ(templates(path).size(), 2U);
    EXPECT_EQ(templates(path)[0]->client_address & 0xff000000U, 0U) << "the last byte is masked";
}

TEST_F(Persistence, ends_after_its_timeout_of_silence) {
    server_of(one_client);
    end_connections();
    path.age(timeout - 1);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U);
    EXPECT_EQ(server_of(one_client), 0) << "and has its whole time again";
    end_connections();
    path.age(timeout - 1);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U);
    path.age(2);
    path.sweep();
    EXPECT_TRUE(templates(path).empty());
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
    EXPECT_EQ(server_of(one_client), 1);
}

TEST_F(Persistence, lives_while_connections_are_open_under_it) {
    server_of(one_client);
    path.only_connection().word += SHOAL_STATE_ESTABLISHED - SHOAL_STATE_SYN_RECV;
    path.age(timeout + 1);
    path.sweep();
    ASSERT_EQ(templates(path).size(), 1U);
    // It was given a minute, which it spends whether or not the connection ends.
    path.age(59);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U);
    path.age(2);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U) << "still open, another minute";
    EXPECT_EQ(server_of(one_client), 0);
    path.age(timeout - 1);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U) << "the whole time since the last opening";
    path.age(2);
    path.sweep();
    end_connections();
    EXPECT_EQ(only_template(path).controlled, 0U);
    path.age(59);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U) << "the minute is not cut short";
    path.age(2);
    path.sweep();
    EXPECT_TRUE(templates(path).empty());
}

TEST_F(Persistence, runs_from_the_last_opening_not_from_an_end) {
    server_of(one_client);
    path.age(timeout - 10);
    end_connections();
    ASSERT_EQ(only_template(path).controlled, 0U);
    path.age(9);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U);
    path.age(2);
    path.sweep();
    EXPECT_TRUE(templates(path).empty());
}

TEST_F(Persistence, a_template_of_a_removed_service_goes_with_its_last_connection) {
    server_of(one_client);
    path.service(service).in_use = 0;
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U);
    end_connections();
    path.age(1);
    path.sweep();
    EXPECT_TRUE(templates(path).empty());
}

TEST_F(Persistence, a_quiesced_server_gives_its_clients_up) {
    EXPECT_EQ(server_of(one_client), 0);
    path.set_pool(service, {{0, 0}, {1, 1}, {2, 1}});
    EXPECT_EQ(server_of(one_client), 1);
    EXPECT_EQ(server_of(one_client), 1);
    EXPECT_EQ(templates(path).size(), 1U);
    path.set_pool(service, {{0, 1}, {1, 1}, {2, 1}});
    EXPECT_EQ(server_of(one_client), 1) << "the old template does not come back";
}

TEST_F(Persistence, or_keeps_them_where_it_is_set_so) {
    path.service(service).flags |= SHOAL_SERVICE_KEEP_QUIESCED;
    EXPECT_EQ(server_of(one_client), 0);
    path.set_pool(service, {{0, 0}, {1, 1}, {2, 1}});
    EXPECT_EQ(server_of(one_client), 0);
    EXPECT_EQ(server_of(other_client), 1);
}

TEST_F(Persistence, a_removed_server_loses_its_clients) {
    for (const bool kept : {false, true}) {
        const char* client = kept ? one_client : other_client;
        const int first = server_of(client);
        ASSERT_GE(first, 0);
        remove(static_cast<std::uint32_t>(first));
        if (kept) path.server(static_cast<std::uint32_t>(first)).flags |= SHOAL_SERVER_KEPT;
        path.service(service).flags |= SHOAL_SERVICE_KEEP_QUIESCED;
        std::vector<Member> rest;
        for (std::uint32_t server = 0; server < 3; ++server)
            if (path.server(server).flags & SHOAL_SERVER_AVAILABLE) rest.push_back({server, 1});
        path.set_pool(service, rest);
        const int second = server_of(client);
        EXPECT_GE(second, 0);
        EXPECT_NE(second, first);
        EXPECT_EQ(server_of(client), second);
    }
}

TEST_F(Persistence, an_index_given_to_another_server_does_not_inherit_clients) {
    EXPECT_EQ(server_of(one_client), 0);
    path.server(0).address[0] += 0x10000000;  // 10.0.0.17
    path.set_pool(service, {{1, 1}, {2, 1}, {0, 1}});
    EXPECT_EQ(server_of(one_client), 1);
}

TEST_F(Persistence, a_template_that_is_over_keeps_its_cell_until_the_last_connection_ends) {
    server_of(one_client);
    const auto cell = static_cast<std::uint32_t>(&only_template(path) - path.connections().data());
    path.set_pool(service, {{0, 0}, {1, 1}, {2, 1}});
    EXPECT_EQ(server_of(one_client), 1);
    path.sweep();
    const auto& old = path.connections()[cell];
    EXPECT_EQ(old.word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_DEAD);
    EXPECT_EQ(old.controlled, 1U);
    end_connections();
    path.sweep();
    EXPECT_EQ(old.word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_FREE);
    EXPECT_EQ(path.free_cells(), path.cells() - 2) << "the new template lives";
}

TEST_F(Persistence, a_syn_goes_on_after_the_end_but_not_where_the_server_is_quiesced) {
    const Endpoint client{one_client, 40000};
    const auto packet = PacketBuilder::tcp(client, vip, syn);
    path.run(Hook::tc, packet);
    for (const std::uint32_t state : {SHOAL_STATE_TIME_WAIT, SHOAL_STATE_CLOSE}) {
        auto& word = path.only_connection().word;
        word = (word & ~SHOAL_WORD_STATE_MASK) | state;
        EXPECT_EQ(path.run(Hook::xdp, packet).verdict, "forwarded");
        EXPECT_EQ(path.only_connection().word & SHOAL_WORD_STATE_MASK, SHOAL_STATE_SYN_RECV);
    }
    path.set_pool(service, {{0, 0}, {1, 1}, {2, 1}});
    EXPECT_EQ(path.run(Hook::xdp, packet).verdict, "new_connection");
    EXPECT_EQ(path.only_connection().server, 1U) << "the template is given up";
    EXPECT_EQ(path.load(0), 0U);
}

TEST_F(Persistence, a_syn_to_a_quiesced_server_is_scheduled_by_the_template_that_holds) {
    const auto packet = PacketBuilder::tcp({one_client, 40000}, vip, syn);
    path.service(service).flags |= SHOAL_SERVICE_KEEP_QUIESCED;
    path.run(Hook::tc, packet);
    path.set_pool(service, {{0, 0}, {1, 1}, {2, 1}});
    EXPECT_EQ(path.run(Hook::xdp, packet).verdict, "new_connection");
    EXPECT_EQ(path.only_connection().server, 0U);
    EXPECT_EQ(path.active(0), 1U);
    EXPECT_EQ(path.service_counters(service).connections, 2U);
}

TEST_F(Persistence, a_mark_holds_across_addresses_and_ports) {
    const auto marked = add_mark(path, 80, SHOAL_SCHEDULER_RR);
    std::vector<Member> members;
    for (const char* address : {"10.0.0.1", "10.0.0.2"})
        members.push_back({path.add_server(marked, {.address = address, .port = 8080}), 1});
    path.set_pool(marked, members);
    set_persistence(path, marked, timeout);
    for (const char* address : {"192.0.2.90", "192.0.2.91"})
        for (const std::uint16_t to : {std::uint16_t{80}, std::uint16_t{443}})
            add_ports(path, marked, address, to, to);
    for (int round = 0; round < 2; ++round)
        for (const char* address : {"192.0.2.90", "192.0.2.91"})
            for (const std::uint16_t to : {std::uint16_t{80}, std::uint16_t{443}}) {
                EXPECT_EQ(server_of(one_client, {address, to}), 0);
                EXPECT_EQ(server_of(other_client, {address, to}), 1);
            }
    EXPECT_EQ(templates(path).size(), 2U);
    for (const auto* connection : path.live())
        EXPECT_EQ(connection->real_port, connection->virtual_port)
            << "ports of a bundle are not translated";
    for (const auto* made : templates(path))
        EXPECT_EQ(made->real_port, 0U);
}

TEST_F(Persistence, one_port_is_translated) {
    path.server(0).port = 0x901f;  // 8080
    server_of(one_client);
    EXPECT_EQ(path.only_connection().real_port, 0x901f);
    EXPECT_EQ(only_template(path).real_port, 0x901f);
    path.server(1).port = 0;
    server_of(other_client);
    const auto both = path.live();
    const auto other = std::ranges::find(both, 1U, &shoal_connection::server);
    ASSERT_NE(other, both.end());
    EXPECT_EQ((*other)->real_port, (*other)->virtual_port);
}

TEST_F(Persistence, the_ports_of_a_range_are_kept_even_the_first) {
    const auto range = path.add_service("192.0.2.80", 8000, SHOAL_SCHEDULER_RR);
    path.service(range).last_port = 0xa41f;  // 8100
    path.set_pool(range, {{path.add_server(range, {"10.0.0.1", 9000}), 1}});
    set_persistence(path, range, timeout);
    server_of(one_client, {"192.0.2.80", 8000});
    EXPECT_EQ(path.only_connection().real_port, path.only_connection().virtual_port);
}

TEST_F(Persistence, holds_for_a_thousand_virtual_servers_of_one_client_port) {
    PacketPath large{1U << 16};
    constexpr std::uint16_t count = 1000;
    for (std::uint16_t i = 0; i < count; ++i) {
        const auto added = large.add_service("192.0.2.80", static_cast<std::uint16_t>(1000 + i),
                                             SHOAL_SCHEDULER_RR);
        std::vector<Member> members;
        for (const char* address : {"10.0.0.1", "10.0.0.2"})
            members.push_back(
                {large.add_server(added, {address, static_cast<std::uint16_t>(2000 + i)}), 1});
        large.set_pool(added, members);
        set_persistence(large, added, timeout);
    }
    const auto to = [](std::uint16_t i) {
        return Endpoint{"192.0.2.80", static_cast<std::uint16_t>(1000 + i)};
    };
    for (std::uint16_t i = 0; i < count; ++i)
        ASSERT_EQ(large
                      .run(i % 2 ? Hook::tc : Hook::xdp,
                           PacketBuilder::tcp({one_client, 40000}, to(i), syn))
                      .verdict,
                  "new_connection");
    EXPECT_EQ(templates(large).size(), count);
    EXPECT_GT(large.overflow_entries(), 2U * 900);
    for (std::uint16_t i = 0; i < count; ++i) {
        large.run(Hook::tc, PacketBuilder::tcp({one_client, 40001}, to(i), syn));
        EXPECT_EQ(large.active(2U * i), 2U) << "virtual server " << i;
    }
    for (int i = 0; i < 3; ++i) {
        large.age(timeout + 61);
        large.sweep();
    }
    EXPECT_EQ(large.overflow_entries(), 0U);
    EXPECT_EQ(large.free_cells(), large.cells() - 1);
    for (const auto& bucket : large.buckets())
        for (const auto slot : bucket.slot)
            ASSERT_EQ(slot, 0U);
}

TEST_F(Persistence, one_packet_scheduling_goes_by_the_template) {
    const auto datagrams = path.add_service("192.0.2.80", 53, SHOAL_SCHEDULER_RR, 17);
    path.set_pool(datagrams, {{path.add_server(datagrams, {"10.0.0.1", 53}), 1},
                              {path.add_server(datagrams, {"10.0.0.2", 53}), 1}});
    set_persistence(path, datagrams, timeout);
    path.service(datagrams).flags |= SHOAL_SERVICE_ONE_PACKET;
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(
            server_after(Hook::tc, PacketBuilder::udp({one_client, 40000}, {"192.0.2.80", 53})), 0);
    EXPECT_TRUE(path.live().empty());
    EXPECT_EQ(only_template(path).controlled, 0U);
    path.age(timeout - 1);
    server_after(Hook::tc, PacketBuilder::udp({one_client, 40000}, {"192.0.2.80", 53}));
    path.age(timeout - 1);
    path.sweep();
    EXPECT_EQ(templates(path).size(), 1U) << "the datagram gave it its time again";
}

TEST(PersistenceTable, a_full_one_opens_nothing_and_leaves_the_books_balanced) {
    pin_to_cpu(0);
    PacketPath path(64);
    const auto service = path.serve({{"10.0.0.1"}});
    set_persistence(path, service, timeout);
    std::string verdict;
    std::uint32_t opened = 0;
    for (int i = 1; verdict != "table_full" && i < 100; ++i) {
        const auto client = "198.51.100." + std::to_string(i);
        verdict = path.run(Hook::tc, PacketBuilder::tcp({client, 40000}, vip, syn)).verdict;
        opened += verdict == "new_connection";
    }
    EXPECT_EQ(verdict, "table_full");
    EXPECT_EQ(opened, 31U) << "63 cells: two of each";
    EXPECT_EQ(path.active(0), opened);
    EXPECT_EQ(templates(path).size(), 32U);
    EXPECT_EQ(counted_templates(path, 0), 32U);
    std::uint32_t controlled = 0;
    for (const auto* made : templates(path))
        controlled += made->controlled;
    EXPECT_EQ(controlled, opened);
}

}  // namespace
}  // namespace shoal::dataplane::testing

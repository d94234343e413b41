#include "dataplane/bpf/connection_reader.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/kernel_fixture.h"

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ConnectionReaderTest : public KernelFixture {
  protected:
    void SetUp() override {
        KernelFixture::SetUp();
        dataplane = open();
        tables = pinned_tables();
        apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
        apply(*dataplane, AddServer{web_service(), real_server(1)});
        while (load_shared(tables.sweeper[0].ticks) < 2)
            std::this_thread::yield();
    }

    /// As if a packet had just made it; no index entry, so that only readers see it.
    void write_cell(std::uint32_t index, __u32 word, const char* client = "198.51.100.7") const {
        shoal_connection cell{};
        cell.seen = static_cast<__u32>(load_shared(tables.sweeper[0].last_tick_jiffies));
        cell.client_address = address(client).v4_bits();
        cell.client_port = htons(40000);
        cell.virtual_address = web_service().address.v4_bits();
        cell.virtual_port = htons(80);
        cell.real_address = real_server(1).key.address.v4_bits();
        cell.real_port = htons(8080);
        cell.protocol = IPPROTO_TCP;
        cell.server = 0;
        cell.word = SHOAL_STATE_FREE;
        tables.connections[index] = cell;
        store_shared(tables.connections[index].word, word);
    }
    std::vector<model::Connection> all(const ConnectionFilter& filter = {}) const {
        return dataplane->connections(filter, 0, 1024).value().connections;
    }

    std::unique_ptr<BpfDataplane> dataplane;
    Tables tables;
};

TEST_F(ConnectionReaderTest, shows_a_connection_of_ipv6_with_the_cell_of_its_addresses) {
    shoal_addresses addresses{};
    put_address(addresses.client_address, address("2001:db8:1::7"));
    put_address(addresses.virtual_address, address("2001:db8:80::80"));
    put_address(addresses.real_address, address("2001:db8:a::1"));
    addresses.word = SHOAL_STATE_ADDRESSES;
    addresses.owner = 5;
    std::memcpy(&tables.connections[6], &addresses, sizeof addresses);
    write_cell(5, SHOAL_STATE_FREE);
    tables.connections[5].client_address = SHOAL_NOT_IPV4;
    tables.connections[5].virtual_address = SHOAL_NOT_IPV4;
    tables.connections[5].address_cell = 6;
    tables.connections[5].server = SHOAL_USUAL_SERVERS - 1;
    store_shared(tables.connections[5].word, __u32{SHOAL_STATE_ESTABLISHED | SHOAL_WORD_IPV6});
    ConnectionFilter filter;
    filter.client = address("2001:db8:1::7");
    const auto found = all(filter);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].client, address("2001:db8:1::7"));
    EXPECT_EQ(found[0].virtual_address, address("2001:db8:80::80"));
    EXPECT_EQ(found[0].real_address, address("2001:db8:a::1"));
    filter.client = address("2001:db8:1::8");
    EXPECT_TRUE(all(filter).empty());
}

TEST_F(ConnectionReaderTest, shows_a_connection_as_the_table_holds_it) {
    write_cell(5, SHOAL_STATE_ESTABLISHED);
    const auto found = all();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].client, address("198.51.100.7"));
    EXPECT_EQ(found[0].client_port, 40000);
    EXPECT_EQ(found[0].virtual_address, web_service().address);
    EXPECT_EQ(found[0].real_address, address("10.0.0.1"));
    EXPECT_EQ(found[0].real_port, 8080);
    EXPECT_EQ(found[0].state, "ESTABLISHED");
    EXPECT_TRUE(found[0].active);
    EXPECT_NEAR(static_cast<double>(found[0].expires_in_ms), 900'000, 2'000);
}

TEST_F(ConnectionReaderTest, only_live_cells_are_connections) {
    write_cell(5, SHOAL_STATE_PENDING);
    write_cell(6, SHOAL_STATE_FREE);
    EXPECT_THAT(all(), IsEmpty());
}

TEST_F(ConnectionReaderTest, filters_by_every_part) {
    write_cell(5, SHOAL_STATE_ESTABLISHED);
    write_cell(6, SHOAL_STATE_FIN_WAIT | SHOAL_WORD_INACTIVE, "198.51.100.8");
    ConnectionFilter by_client;
    by_client.client = address("198.51.100.8");
    ASSERT_EQ(all(by_client).size(), 1U);
    EXPECT_FALSE(all(by_client)[0].active);
    ConnectionFilter by_state;
    by_state.state = "ESTABLISHED";
    EXPECT_EQ(all(by_state).size(), 1U);
    ConnectionFilter by_server;
    by_server.real_server = address("10.0.0.9");
    EXPECT_THAT(all(by_server), IsEmpty());
    ConnectionFilter by_service;
    by_service.service = web_service();
    EXPECT_EQ(all(by_service).size(), 2U);
    ConnectionFilter by_packets;
    by_packets.packets = {model::Protocol::tcp, web_service().address, 80};
    EXPECT_EQ(all(by_packets).size(), 2U);
    by_packets.packets.port = 81;
    EXPECT_THAT(all(by_packets), IsEmpty());
    by_packets.packets = {model::Protocol::udp, {}, {}};
    EXPECT_THAT(all(by_packets), IsEmpty());
}

TEST_F(ConnectionReaderTest, a_template_is_found_by_what_its_virtual_server_takes) {
    ServiceOptions persistent;
    persistent.persistence = model::Persistence{.timeout = model::milliseconds(60'000)};
    ServiceKey range = web_service();
    range.port = {8000, 8100};
    apply(*dataplane, AddService{range, persistent});
    ServiceKey bundle;
    bundle.mark = 7;
    persistent.matches = {{model::Protocol::tcp, web_service().address, 443},
                          {model::Protocol::udp, web_service().address, 4000}};
    apply(*dataplane, AddService{bundle, persistent});
    for (const std::uint32_t service : {1U, 2U}) {
        write_cell(service, SHOAL_STATE_TEMPLATE);
        tables.connections[service].service = service;
    }
    const auto mark_of = [this](const ConnectionFilter& filter) {
        std::vector<std::uint32_t> marks;
        for (const auto& found : all(filter))
            marks.push_back(found.mark);
        return marks;
    };
    ConnectionFilter by_service;
    by_service.service = range;
    EXPECT_THAT(mark_of(by_service), ElementsAre(0U));
    by_service.service = bundle;
    EXPECT_THAT(mark_of(by_service), ElementsAre(7U));
    by_service.service = web_service();
    EXPECT_THAT(mark_of(by_service), IsEmpty());

    ConnectionFilter by_packets;
    by_packets.packets = {{}, web_service().address, 8050};
    EXPECT_THAT(mark_of(by_packets), ElementsAre(0U));
    by_packets.packets.port = 443;
    EXPECT_THAT(mark_of(by_packets), ElementsAre(7U));
    by_packets.packets.protocol = model::Protocol::udp;
    EXPECT_THAT(mark_of(by_packets), IsEmpty());
    by_packets.packets.port = 4000;
    EXPECT_THAT(mark_of(by_packets), ElementsAre(7U));
    by_packets.packets = {model::Protocol::tcp, {}, {}};
    EXPECT_THAT(mark_of(by_packets), ElementsAre(0U, 7U));
    by_packets.packets.address = address("192.0.2.81");
    EXPECT_THAT(mark_of(by_packets), IsEmpty());
}

TEST_F(ConnectionReaderTest, pages_end_with_the_table) {
    write_cell(5, SHOAL_STATE_ESTABLISHED);
    write_cell(1000, SHOAL_STATE_ESTABLISHED);
    const auto first = dataplane->connections({}, 0, 512).value();
    EXPECT_EQ(first.connections.size(), 1U);
    ASSERT_EQ(first.next, 512U);
    const auto second = dataplane->connections({}, *first.next, 512).value();
    EXPECT_EQ(second.connections.size(), 1U);
    EXPECT_FALSE(second.next);
    EXPECT_FALSE(dataplane->connections({}, 5000, 512)->next);
}

TEST_F(ConnectionReaderTest, a_template_names_the_client_and_the_virtual_server) {
    ServiceOptions options;
    options.persistence = model::Persistence{.timeout = model::milliseconds(60'000)};
    ServiceKey bundle;
    bundle.mark = 7;
    options.matches = {{model::Protocol::tcp, web_service().address, 443}};
    apply(*dataplane, AddService{bundle, options});
    apply(*dataplane, AddServer{bundle, real_server(2)});
    write_cell(5, SHOAL_STATE_TEMPLATE);
    shoal_connection& cell = tables.connections[5];
    cell.client_port = 0;
    cell.virtual_address = cell.service = 1;
    cell.server = 1;
    const auto found = all();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].state, "TEMPLATE");
    EXPECT_EQ(found[0].mark, 7U);
    EXPECT_EQ(found[0].client_port, 0);
    EXPECT_EQ(found[0].virtual_address, bundle.address);
    EXPECT_FALSE(found[0].active);
    EXPECT_NEAR(static_cast<double>(found[0].expires_in_ms), 60'000, 2'000);
    ConnectionFilter by_mark;
    by_mark.service = bundle;
    EXPECT_EQ(all(by_mark).size(), 1U);
    by_mark.service->mark = 8;
    EXPECT_THAT(all(by_mark), IsEmpty());
    store_shared<__u64>(tables.templates[1], 1);
    EXPECT_EQ(dataplane->statistics()->services.at(0).servers.at(0).persistent, 1U);
    EXPECT_EQ(dataplane->statistics()->services.at(1).servers.at(0).persistent, 0U);
    // Connections under it do not stop its time; at the end of it they get it a minute more.
    cell.controlled = 1;
    cell.seen -= 20 * tables.settings[0].hz;
    EXPECT_NEAR(static_cast<double>(all()[0].expires_in_ms), 40'000, 2'000);
    cell.seen -= 600 * tables.settings[0].hz;
    EXPECT_EQ(all()[0].expires_in_ms, 0);
}

TEST_F(ConnectionReaderTest, the_self_check_names_each_difference) {
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
    write_cell(5, SHOAL_STATE_ESTABLISHED);
    write_cell(6, SHOAL_STATE_FIN_WAIT | SHOAL_WORD_INACTIVE);
    EXPECT_THAT(dataplane->self_check().value(),
                ElementsAre("real server 10.0.0.1:80 (entry 0): counted are 0 active and 0 "
                            "inactive connections, the table holds 1 and 1"));
    store_shared<__u64>(tables.loads[0].load, SHOAL_LOAD_ACTIVE_ONE + SHOAL_LOAD_INACTIVE_ONE);
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
}

TEST_F(ConnectionReaderTest, the_self_check_counts_templates) {
    write_cell(5, SHOAL_STATE_TEMPLATE);
    tables.connections[5].protocol = SHOAL_PROTOCOL_TEMPLATE;
    EXPECT_THAT(dataplane->self_check().value(),
                ElementsAre("real server 10.0.0.1:80 (entry 0): counted are 0 persistence "
                            "templates, the table holds 1"));
    store_shared<__u64>(tables.templates[0], 1);
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
    write_cell(5, SHOAL_STATE_DEAD);
    EXPECT_EQ(dataplane->self_check()->size(), 1U);
}

TEST_F(ConnectionReaderTest, the_self_check_counts_the_connections_under_a_template) {
    write_cell(5, SHOAL_STATE_TEMPLATE);
    tables.connections[5].protocol = SHOAL_PROTOCOL_TEMPLATE;
    store_shared<__u64>(tables.templates[0], 1);
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
    tables.connections[5].controlled = 1;
    EXPECT_THAT(dataplane->self_check().value(),
                ElementsAre("the persistence template in cell 5: counted are 1 connections under "
                            "it, the table holds 0"));
    write_cell(6, SHOAL_STATE_DEAD);
    tables.connections[6].template_cell = 5;
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
    tables.connections[6].template_cell = 7;
    EXPECT_EQ(dataplane->self_check()->size(), 2U);
}

TEST_F(ConnectionReaderTest, the_self_check_compares_baselines_as_far_as_they_are_exact) {
    for (std::uint32_t cell = 100; cell < 200; ++cell)
        write_cell(cell, SHOAL_STATE_ESTABLISHED);
    tables.services[0].load_epoch = 1;
    shoal_server_load& load = tables.loads[0];
    load.load = 100 * SHOAL_LOAD_ACTIVE_ONE;
    load.baseline = 99 * SHOAL_LOAD_ACTIVE_ONE;
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
    load.baseline = 50 * SHOAL_LOAD_ACTIVE_ONE;
    EXPECT_THAT(dataplane->self_check().value(),
                ElementsAre(HasSubstr("counted are 50 active and 0 inactive connections before the "
                                      "last real server joined, the table holds 100 and 0")));
}

TEST_F(ConnectionReaderTest, the_total_keeps_what_removed_virtual_servers_counted) {
    const auto count = [this](std::uint32_t service, std::uint64_t connections) {
        std::vector<shoal_counters> counters(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        counters.back().connections = connections;
        ASSERT_EQ(
            bpf_map_update_elem(tables.fd("service_counters"), &service, counters.data(), BPF_ANY),
            0);
    };
    const auto total = [this] { return dataplane->statistics()->total.connections; };
    count(0, 100);
    EXPECT_EQ(total(), 100U);
    apply(*dataplane, RemoveService{web_service()});
    EXPECT_EQ(total(), 100U);
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    ASSERT_EQ(tables.services[1].in_use, 1U);
    count(1, 20);
    EXPECT_EQ(total(), 120U);
    // As if all entries that were never used had gone: the next one is the removed one's.
    for (std::uint32_t index = 2; index < SHOAL_USUAL_SERVICES; ++index)
        tables.services[index].in_use = 1;
    apply(*dataplane,
          AddService{{model::Protocol::udp, web_service().address, 53}, {model::Scheduler::rr}});
    ASSERT_EQ(tables.services[0].in_use, 1U);
    EXPECT_EQ(total(), 120U);
    count(0, 3);
    EXPECT_EQ(total(), 123U);
    EXPECT_EQ(dataplane->statistics()->services.back().counters.connections, 3U);
}

TEST_F(ConnectionReaderTest, statistics_sum_over_cpus) {
    std::vector<shoal_counters> counters(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    __u64 expected = 0;
    for (std::size_t cpu = 0; cpu < counters.size(); ++cpu) {
        counters[cpu].packets_in = cpu + 1;
        counters[cpu].bytes_out = 100;
        expected += cpu + 1;
    }
    const std::uint32_t index = 0;
    for (const char* map : {"service_counters", "server_counters"}) {
        ASSERT_EQ(bpf_map_update_elem(tables.fd(map), &index, counters.data(), BPF_ANY), 0);
    }
    store_shared<__u64>(tables.loads[0].load, 3 * SHOAL_LOAD_ACTIVE_ONE + 2);
    const Statistics statistics = dataplane->statistics().value();
    const ServiceLoad& service = statistics.services.at(0);
    EXPECT_EQ(service.counters.packets_in, expected);
    EXPECT_EQ(service.counters.bytes_out, 100 * counters.size());
    EXPECT_EQ(service.servers.at(0).counters.packets_in, expected);
    EXPECT_EQ(service.servers.at(0).active, 3U);
    EXPECT_EQ(service.servers.at(0).inactive, 2U);
}

TEST_F(ConnectionReaderTest, verdicts_have_names_and_meanings) {
    const Statistics statistics = dataplane->statistics().value();
    ASSERT_EQ(statistics.verdicts.size(), static_cast<std::size_t>(SHOAL_VERDICT_COUNT));
    EXPECT_EQ(statistics.verdicts[SHOAL_VERDICT_no_server].name, "no_server");
    for (const auto& verdict : statistics.verdicts)
        EXPECT_THAT(verdict.meaning, Not(IsEmpty()));
}

TEST_F(ConnectionReaderTest, the_overflow_counts_connections_not_entries) {
    for (const __u8 reply : std::to_array<__u8>({0, 1})) {
        shoal_overflow_key key{};
        key.client_port = 1;
        key.reply = reply;
        const std::uint32_t cell = 5;
        ASSERT_EQ(bpf_map_update_elem(tables.fd("overflow"), &key, &cell, BPF_NOEXIST), 0);
    }
    EXPECT_EQ(dataplane->statistics()->table.overflow, 1U);
}

/// In pieces, none of which keeps its caller long.
TEST_F(ConnectionReaderTest, a_million_connections_are_read_in_short_pieces) {
    constexpr std::uint32_t million = 1U << 20;
    constexpr std::uint32_t piece = 16384;
    ASSERT_TRUE(dataplane->withdraw());
    dataplane = BpfDataplane::open({pins(), million}).value();
    tables = pinned_tables();
    for (std::uint32_t i = 1; i < million; ++i)
        write_cell(i, SHOAL_STATE_ESTABLISHED);
    std::size_t found = 0;
    auto longest = std::chrono::steady_clock::duration::zero();
    std::optional<std::uint32_t> from = 0;
    const auto begin = std::chrono::steady_clock::now();
    while (from) {
        const auto start = std::chrono::steady_clock::now();
        const auto page = dataplane->connections({}, *from, piece).value();
        longest = std::max(longest, std::chrono::steady_clock::now() - start);
        found += page.connections.size();
        from = page.next;
    }
    const auto all_of_them = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(found, million - 1);
    EXPECT_LT(longest, std::chrono::milliseconds(500));
    const auto in_ms = [](auto time) {
        return std::chrono::duration<double, std::milli>(time).count();
    };
    fmt::print("{:.0f} ms in all, the longest piece {:.1f} ms\n", in_ms(all_of_them),
               in_ms(longest));
}

}  // namespace
}  // namespace shoal::dataplane

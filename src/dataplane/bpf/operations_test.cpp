#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "dataplane/bpf/address_bits.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/kernel_fixture.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/pool_store.h"
#include "dataplane/bpf/random_operations.h"
#include "dataplane/fake/fake_dataplane.h"

namespace shoal::dataplane {
namespace {

using ::testing::HasSubstr;

class OperationsTest : public KernelFixture {
  protected:
    /// Entries of server_table in use for a real server.
    static std::vector<std::uint32_t> entries_of(const Tables& tables, const ServerKey& key) {
        std::vector<std::uint32_t> found;
        for (std::uint32_t i = 0; i < SHOAL_USUAL_SERVERS; ++i) {
            const shoal_server& record = tables.servers[i];
            if ((record.flags & SHOAL_SERVER_IN_USE) != 0 && server_key(record) == key) {
                found.push_back(i);
            }
        }
        return found;
    }
    /// The number of the inner map.
    static std::uint32_t pool_id(const Tables& tables, std::uint32_t service) {
        std::uint32_t id = 0;
        EXPECT_EQ(bpf_map_lookup_elem(tables.fd("pools"), &service, &id), 0);
        return id;
    }
    static bool has_virtual_bit(const Tables& tables, const net::Address& address) {
        const auto bit = filter_bit(fold_address(address));
        return (tables.address_filter[0].virtual_bits[bit / 64] >> (bit % 64) & 1) != 0;
    }
    static bool has_real_bit(const Tables& tables, const net::Address& address) {
        const auto bit = filter_bit(fold_address(address));
        return (tables.address_filter[0].real_bits[bit / 64] >> (bit % 64) & 1) != 0;
    }
};

TEST_F(OperationsTest, what_does_not_fit_is_refused_in_words) {
    const auto dataplane = open();
    const auto refusal = [&](const Operation& operation) {
        return dataplane->apply(operation).error().message;
    };
    EXPECT_EQ(refusal(AddServer{web_service(), real_server(1)}),
              "there is no virtual server tcp 192.0.2.80:80");
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    EXPECT_EQ(refusal(AddService{web_service(), {model::Scheduler::rr}}),
              "virtual server tcp 192.0.2.80:80 exists already");
    EXPECT_EQ(refusal(RemoveServer{web_service(), real_server(1).key}),
              "tcp 192.0.2.80:80 has no real server 10.0.0.1:80");
    ServiceOptions closed{model::Scheduler::rr};
    closed.deny = {net::Prefix::parse("2001:db8::/32").value()};
    EXPECT_THAT(refusal(EditService{web_service(), closed}), HasSubstr("other address family"))
        << "not left out in silence";
    Server stranger = real_server(1);
    stranger.key.address = address("2001:db8:a::1");
    EXPECT_THAT(refusal(AddServer{web_service(), stranger}), HasSubstr("other address family"));
    stranger.method = model::ForwardingMethod::tunnel;
    apply(*dataplane, AddServer{web_service(), stranger});
}

TEST_F(OperationsTest, virtual_servers_of_ipv6_are_what_was_asked_for) {
    const ServiceKey key{model::Protocol::tcp, address("2001:db8:80::80"), 80};
    ServiceOptions options{model::Scheduler::mh};
    options.deny = {net::Prefix::parse("2001:db8:bad::/48").value(),
                    net::Prefix::parse("2001:db8::/32").value()};
    options.persistence = model::Persistence{std::chrono::seconds(300), 32, 64, false};
    Server real = real_server(1);
    real.key.address = address("2001:db8:a::1");
    {
        const auto dataplane = open();
        apply(*dataplane, AddService{key, options});
        apply(*dataplane, AddServer{key, real});
        NextHop hop;
        hop.interface_index = 7;
        hop.gateway = address("fe80::1");
        ASSERT_TRUE(dataplane->set_next_hop(real.key.address, hop));
    }
    const auto dataplane = open();
    const State state = dataplane->observe().value();
    ASSERT_EQ(state.services.size(), 1U);
    EXPECT_EQ(state.services[0].key, key);
    ASSERT_EQ(state.services[0].servers.size(), 1U);
    EXPECT_EQ(state.services[0].servers[0].key, real.key);
    EXPECT_EQ(state.services[0].options.deny.size(), 2U);
    EXPECT_EQ(state.services[0].options.persistence->netmask_v6, 64);
    const Tables tables = pinned_tables();
    EXPECT_TRUE(has_virtual_bit(tables, key.address));
    EXPECT_TRUE(has_real_bit(tables, real.key.address));
    const auto entry = entries_of(tables, real.key).at(0);
    EXPECT_EQ(address_of(tables.details[entry].next_hop, tables.details[entry].family),
              address("fe80::1"));
}

TEST_F(OperationsTest, an_entry_with_connections_is_not_given_to_another_server) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto entry = entries_of(tables, real_server(1).key).at(0);
    store_shared<__u64>(tables.loads[entry].load, SHOAL_LOAD_ACTIVE_ONE);
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    EXPECT_EQ(tables.servers[entry].flags & SHOAL_SERVER_AVAILABLE, 0);

    apply(*dataplane, AddServer{web_service(), real_server(2)});
    EXPECT_NE(entries_of(tables, real_server(2).key).at(0), entry);
    store_shared<__u64>(tables.loads[entry].load, 0);
    // As if all entries that were never used had gone.
    for (std::uint32_t index = 0; index < SHOAL_USUAL_SERVERS; ++index) {
        tables.servers[index].flags |= SHOAL_SERVER_IN_USE;
        if (index != entry) tables.servers[index].flags |= SHOAL_SERVER_AVAILABLE;
    }
    store_shared<__u64>(tables.templates[entry], 1);
    EXPECT_THAT(dataplane->apply(AddServer{web_service(), real_server(3)}).error().message,
                HasSubstr("all 16384 entries"))
        << "a template names the last one";
    store_shared<__u64>(tables.templates[entry], 0);
    apply(*dataplane, AddServer{web_service(), real_server(3)});
    EXPECT_EQ(entries_of(tables, real_server(3).key).at(0), entry);
}

TEST_F(OperationsTest, a_server_that_returns_gets_its_connections_back) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto entry = entries_of(tables, real_server(1).key).at(0);
    store_shared<__u64>(tables.loads[entry].load, SHOAL_LOAD_ACTIVE_ONE);
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    apply(*dataplane, AddServer{web_service(), real_server(1, 5)});
    EXPECT_THAT(entries_of(tables, real_server(1).key), ::testing::ElementsAre(entry));
    EXPECT_NE(tables.servers[entry].flags & SHOAL_SERVER_AVAILABLE, 0);
    EXPECT_EQ(dataplane->statistics()->services.at(0).servers.at(0).active, 1U);
}

TEST_F(OperationsTest, the_index_of_a_virtual_server_rests_while_connections_name_it) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto entry = entries_of(tables, real_server(1).key).at(0);
    store_shared<__u64>(tables.loads[entry].load, SHOAL_LOAD_ACTIVE_ONE);
    apply(*dataplane, RemoveService{web_service()});
    // As if all indices that were never used had gone.
    for (std::uint32_t index = 2; index < SHOAL_USUAL_SERVICES; ++index)
        tables.services[index].in_use = 1;
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    EXPECT_EQ(tables.services[0].in_use, 0U);
    EXPECT_EQ(tables.services[1].in_use, 1U);
    store_shared<__u64>(tables.loads[entry].load, 0);
    store_shared<__u64>(tables.templates[entry], 1);
    const AddService another{{model::Protocol::udp, address("192.0.2.81"), 53},
                             {model::Scheduler::rr}};
    EXPECT_THAT(dataplane->apply(another).error().message, HasSubstr("all 4096 entries"))
        << "a template names the last one";
    store_shared<__u64>(tables.templates[entry], 0);
    apply(*dataplane, another);
    EXPECT_EQ(tables.services[0].in_use, 1U);
}

TEST_F(OperationsTest, address_bits_follow_the_servers) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    const auto real = real_server(1);
    EXPECT_FALSE(has_virtual_bit(tables, web_service().address));
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    EXPECT_TRUE(has_virtual_bit(tables, web_service().address));
    apply(*dataplane, AddServer{web_service(), real});
    EXPECT_TRUE(has_real_bit(tables, real.key.address));
    Server direct = real;
    direct.method = model::ForwardingMethod::direct;
    apply(*dataplane, EditServer{web_service(), direct});
    EXPECT_FALSE(has_real_bit(tables, real.key.address));
    apply(*dataplane, EditServer{web_service(), real});
    apply(*dataplane, RemoveService{web_service()});
    EXPECT_FALSE(has_real_bit(tables, real.key.address));
    EXPECT_FALSE(has_virtual_bit(tables, web_service().address));
}

TEST_F(OperationsTest, an_edit_swaps_the_pool_of_its_own_virtual_server_alone) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    ServiceKey other = web_service();
    other.port = 81;
    for (const ServiceKey& key : {web_service(), other}) {
        apply(*dataplane, AddService{key, {model::Scheduler::rr}});
        apply(*dataplane, AddServer{key, real_server(1)});
    }
    const auto untouched = pool_id(tables, 1);
    const auto former = pool_id(tables, 0);
    apply(*dataplane, EditServer{web_service(), real_server(1, 4)});
    EXPECT_NE(pool_id(tables, 0), former);
    EXPECT_EQ(pool_id(tables, 1), untouched);
    const auto now = pool_id(tables, 0);
    apply(*dataplane, EditServer{web_service(), real_server(1, 4)});
    EXPECT_EQ(pool_id(tables, 0), now) << "nothing changed, nothing is swapped";
}

TEST_F(OperationsTest, the_cursor_of_a_removed_server_steps_back) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    for (const int last : {3, 2, 1})
        apply(*dataplane, AddServer{web_service(), real_server(last)});
    shoal_cursor cursor{};
    cursor.word = tables.cursors[0];
    cursor.last = entries_of(tables, real_server(2).key).at(0) + 1;
    store_shared(tables.cursors[0], cursor.word);
    apply(*dataplane, RemoveServer{web_service(), real_server(2).key});
    shoal_cursor now{};
    now.word = tables.cursors[0];
    EXPECT_EQ(now.last, entries_of(tables, real_server(1).key).at(0) + 1);
}

TEST_F(OperationsTest, a_new_scheduler_starts_at_the_head) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    shoal_cursor cursor{};
    cursor.word = tables.cursors[0];
    cursor.last = 1;
    cursor.current_weight = 7;
    store_shared(tables.cursors[0], cursor.word);
    apply(*dataplane, EditService{web_service(), {model::Scheduler::wrr}});
    shoal_cursor now{};
    now.word = tables.cursors[0];
    EXPECT_EQ(now.last, 0U);
    EXPECT_EQ(now.current_weight, 0U);
}

TEST_F(OperationsTest, next_hops_reach_present_and_later_servers) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    NextHop hop{7, {{2, 0, 0, 0, 0, 1}}, address("10.0.0.254"), std::nullopt};
    hop.mtu = 1400;
    hop.source = address("10.0.0.250");
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    for (const int last : {1, 2}) {
        ASSERT_TRUE(dataplane->set_next_hop(real_server(last).key.address, hop));
    }
    apply(*dataplane, AddServer{web_service(), real_server(2)});
    for (const int last : {1, 2}) {
        const auto entry = entries_of(tables, real_server(last).key).at(0);
        const auto& record = tables.servers[entry];
        EXPECT_EQ(record.interface, 7U);
        EXPECT_EQ(address_of(tables.details[entry].next_hop, 4), hop.gateway);
        EXPECT_EQ(address_of(record.tunnel_source, 4), *hop.source);
        EXPECT_EQ(record.mtu, 1400U);
        EXPECT_EQ(record.flags & SHOAL_SERVER_NEXT_HOP_KNOWN, 0);
    }
    hop.mac = net::MacAddress{{2, 0, 0, 0, 0, 2}};
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, hop));
    const auto& known = tables.servers[entries_of(tables, real_server(1).key).at(0)];
    EXPECT_NE(known.flags & SHOAL_SERVER_NEXT_HOP_KNOWN, 0);
    EXPECT_EQ(known.mac[5], 2);
    EXPECT_EQ(known.source_mac[5], 1);
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, NextHop{}));
    EXPECT_EQ(known.interface, 0U);
    EXPECT_EQ(known.flags & SHOAL_SERVER_NEXT_HOP_KNOWN, 0);
    NextHop own;
    own.local = true;
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, own));
    EXPECT_NE(known.flags & SHOAL_SERVER_LOCAL, 0);
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, hop));
    EXPECT_EQ(known.flags & SHOAL_SERVER_LOCAL, 0);
}

TEST_F(OperationsTest, tunnels_are_written_and_read_back) {
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    for (const model::Tunnel tunnel :
         {model::Tunnel{model::TunnelType::gue, 7000}, model::Tunnel{model::TunnelType::gre, 0},
          model::Tunnel{model::TunnelType::ipip, 0}}) {
        Server server = real_server(1);
        server.method = model::ForwardingMethod::tunnel;
        server.tunnel = tunnel;
        apply(*dataplane, EditServer{web_service(), server});
        EXPECT_EQ(dataplane->observe()->services.at(0).servers, std::vector{server});
    }
}

TEST_F(OperationsTest, a_changed_route_raises_the_route_generation) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    const auto before = tables.settings[0].route_generation;
    dataplane->invalidate_client_next_hops();
    EXPECT_EQ(tables.settings[0].route_generation, before + 1);
}

TEST_F(OperationsTest, a_full_pool_is_refused) {
    const auto dataplane = open();
    std::vector<Operation> operations{AddService{web_service(), {model::Scheduler::rr}}};
    Server server = real_server(1);
    for (int i = 0; i <= SHOAL_MAX_POOL; ++i) {
        server.key.port = static_cast<std::uint16_t>(1000 + i);
        operations.push_back(AddServer{web_service(), server});
    }
    const auto results = dataplane->apply_all(operations);
    EXPECT_TRUE(results[results.size() - 2]);
    EXPECT_THAT(results.back().error().message, HasSubstr("at most 4096"));
    EXPECT_EQ(dataplane->observe()->services.at(0).servers.size(), 4096U);
}

}  // namespace
}  // namespace shoal::dataplane

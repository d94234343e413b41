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
        for (std::uint32_t i = 0; i < SHOAL_MAX_SERVERS; ++i) {
            const shoal_server& record = tables.servers[i];
            if ((record.flags & SHOAL_SERVER_IN_USE) != 0 && server_key(record) == key) {
                found.push_back(i);
            }
        }
        return found;
    }
    static bool has_virtual_bit(const Tables& tables, const net::Address& address) {
        const auto bit = filter_bit(address.v4_bits());
        return (tables.address_filter[0].virtual_bits[bit / 64] >> (bit % 64) & 1) != 0;
    }
    static bool has_real_bit(const Tables& tables, const net::Address& address) {
        const auto bit = filter_bit(address.v4_bits());
        return (tables.address_filter[0].real_bits[bit / 64] >> (bit % 64) & 1) != 0;
    }
};

TEST_F(OperationsTest, a_random_sequence_leaves_what_the_model_says) {
    const auto real = open();
    FakeDataplane model;
    RandomOperations operations(20261122);
    for (int i = 0; i < 250; ++i) {
        const Operation operation = operations.next();
        const auto expected = model.apply(operation);
        const auto done = real->apply(operation);
        ASSERT_EQ(done.has_value(), expected.has_value())
            << to_string(operation) << ": " << (done ? "accepted" : done.error().message);
        const State now = real->observe().value();
        ASSERT_EQ(now.services, model.state().services) << "after " << to_string(operation);
        ASSERT_EQ(now.timeouts, model.state().timeouts) << "after " << to_string(operation);
    }
}

/// The states that a kill during `operation` may leave, by key of their services.
std::vector<std::vector<Service>> possible_states(FakeDataplane model, const Operation& operation) {
    std::vector<std::vector<Service>> states{model.state().services};
    if (const auto* edit = std::get_if<EditServer>(&operation)) {
        // Weight and method are two writes, the method comes first.
        FakeDataplane half = model;
        for (Service& service : half.state().services) {
            for (Server& server : service.servers) {
                if (service.key == edit->service && server.key == edit->server.key) {
                    server.method = edit->server.method;
                }
            }
        }
        states.push_back(half.state().services);
    }
    static_cast<void>(model.apply(operation));
    states.push_back(model.state().services);
    return states;
}

/// A child applies random operations and is killed; it tells by shared memory how many it has
/// begun. What the next round adopts is the state before or after the one that was interrupted.
TEST_F(OperationsTest, an_operation_interrupted_by_a_kill_is_done_or_not) {
    using Counter = std::atomic<int>;
    auto* begun = new (::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Counter(0);
    FakeDataplane model;
    std::vector<std::vector<Service>> possible{{}};
    for (unsigned round = 0; round < 8; ++round) {
        const auto dataplane = open();
        model.state().services = dataplane->observe()->services;
        EXPECT_THAT(possible, ::testing::Contains(model.state().services)) << "round " << round;
        *begun = 0;
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            for (RandomOperations operations(round);;) {
                ++*begun;
                static_cast<void>(dataplane->apply(operations.next()));
            }
        }
        while (*begun < 10 + static_cast<int>(round))
            std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::microseconds(500 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);

        RandomOperations operations(round);
        for (int i = 1; i < *begun; ++i)
            static_cast<void>(model.apply(operations.next()));
        possible = possible_states(model, operations.next());
    }
}

TEST_F(OperationsTest, what_does_not_fit_is_refused_in_words) {
    const auto dataplane = open();
    const auto refusal = [&](const Operation& operation) {
        return dataplane->apply(operation).error().message;
    };
    EXPECT_EQ(refusal(AddServer{web_service(), real_server(1)}),
              "there is no virtual server tcp 192.0.2.80:80");
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    EXPECT_EQ(refusal(AddService{web_service(), model::Scheduler::rr}),
              "virtual server tcp 192.0.2.80:80 exists already");
    EXPECT_EQ(refusal(RemoveServer{web_service(), real_server(1).key}),
              "tcp 192.0.2.80:80 has no real server 10.0.0.1:80");
    EXPECT_THAT(refusal(AddService{{model::Protocol::tcp, address("2001:db8::1"), 80},
                                   model::Scheduler::rr}),
                HasSubstr("only IPv4"));
}

TEST_F(OperationsTest, an_entry_with_connections_is_not_given_to_another_server) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto entry = entries_of(tables, real_server(1).key).at(0);
    store_shared<__u64>(tables.loads[entry], SHOAL_LOAD_ACTIVE_ONE);
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    EXPECT_EQ(tables.servers[entry].flags & SHOAL_SERVER_AVAILABLE, 0);

    apply(*dataplane, AddServer{web_service(), real_server(2)});
    EXPECT_NE(entries_of(tables, real_server(2).key).at(0), entry);
    store_shared<__u64>(tables.loads[entry], 0);
    apply(*dataplane, AddServer{web_service(), real_server(3)});
    EXPECT_EQ(entries_of(tables, real_server(3).key).at(0), entry);
}

TEST_F(OperationsTest, a_server_that_returns_gets_its_connections_back) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto entry = entries_of(tables, real_server(1).key).at(0);
    store_shared<__u64>(tables.loads[entry], SHOAL_LOAD_ACTIVE_ONE);
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    apply(*dataplane, AddServer{web_service(), real_server(1, 5)});
    EXPECT_THAT(entries_of(tables, real_server(1).key), ::testing::ElementsAre(entry));
    EXPECT_NE(tables.servers[entry].flags & SHOAL_SERVER_AVAILABLE, 0);
    EXPECT_EQ(dataplane->statistics()->services.at(0).servers.at(0).active, 1U);
}

TEST_F(OperationsTest, the_index_of_a_virtual_server_rests_while_connections_name_it) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto entry = entries_of(tables, real_server(1).key).at(0);
    store_shared<__u64>(tables.loads[entry], SHOAL_LOAD_ACTIVE_ONE);
    apply(*dataplane, RemoveService{web_service()});
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    EXPECT_EQ(tables.services[0].in_use, 0U);
    EXPECT_EQ(tables.services[1].in_use, 1U);
}

TEST_F(OperationsTest, address_bits_follow_the_servers) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    const auto real = real_server(1);
    EXPECT_FALSE(has_virtual_bit(tables, web_service().address));
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
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
        apply(*dataplane, AddService{key, model::Scheduler::rr});
        apply(*dataplane, AddServer{key, real_server(1)});
    }
    const __u64 untouched = tables.cursors[1];
    const __u64 former = tables.cursors[0];
    apply(*dataplane, EditServer{web_service(), real_server(1, 4)});
    EXPECT_NE(tables.cursors[0], former);
    EXPECT_EQ(tables.cursors[1], untouched);
    const __u64 now = tables.cursors[0];
    apply(*dataplane, EditServer{web_service(), real_server(1, 4)});
    EXPECT_EQ(tables.cursors[0], now) << "nothing changed, nothing is swapped";
}

TEST_F(OperationsTest, the_cursor_of_a_removed_server_steps_back) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    for (const int last : {3, 2, 1})
        apply(*dataplane, AddServer{web_service(), real_server(last)});
    shoal_cursor cursor{};
    cursor.word = tables.cursors[0];
    cursor.position = 2;
    store_shared(tables.cursors[0], cursor.word);
    apply(*dataplane, RemoveServer{web_service(), real_server(2).key});
    shoal_cursor now{};
    now.word = tables.cursors[0];
    EXPECT_EQ(now.position, 1);
    EXPECT_EQ(now.generation, static_cast<__u16>(cursor.generation + 1));
}

TEST_F(OperationsTest, a_new_scheduler_starts_at_the_head) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    shoal_cursor cursor{};
    cursor.word = tables.cursors[0];
    cursor.position = 1;
    cursor.current_weight = 7;
    store_shared(tables.cursors[0], cursor.word);
    apply(*dataplane, EditService{web_service(), model::Scheduler::wrr});
    shoal_cursor now{};
    now.word = tables.cursors[0];
    EXPECT_EQ(now.position, 0);
    EXPECT_EQ(now.current_weight, 0U);
}

TEST_F(OperationsTest, next_hops_reach_present_and_later_servers) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    NextHop hop{7, {{2, 0, 0, 0, 0, 1}}, address("10.0.0.254"), std::nullopt};
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    for (const int last : {1, 2}) {
        ASSERT_TRUE(dataplane->set_next_hop(real_server(last).key.address, hop));
    }
    apply(*dataplane, AddServer{web_service(), real_server(2)});
    for (const int last : {1, 2}) {
        const auto& record = tables.servers[entries_of(tables, real_server(last).key).at(0)];
        EXPECT_EQ(record.interface, 7U);
        EXPECT_EQ(v4_address(record.next_hop), hop.gateway);
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
    apply(*dataplane, AddService{web_service(), model::Scheduler::rr});
    Server server = real_server(1);
    for (int i = 0; i < SHOAL_MAX_POOL; ++i) {
        server.key.port = static_cast<std::uint16_t>(1000 + i);
        apply(*dataplane, AddServer{web_service(), server});
    }
    server.key.port = 80;
    EXPECT_THAT(dataplane->apply(AddServer{web_service(), server}).error().message,
                HasSubstr("at most 256"));
    EXPECT_EQ(dataplane->observe()->services.at(0).servers.size(), 256U);
}

}  // namespace
}  // namespace shoal::dataplane

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/kernel_fixture.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/pool_store.h"

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BatchTest : public KernelFixture {
  protected:
    void SetUp() override {
        KernelFixture::SetUp();
        dataplane = open();
        tables = pinned_tables();
    }

    /// All must succeed.
    void apply_all(const std::vector<Operation>& operations) const {
        const auto results = dataplane->apply_all(operations);
        for (std::size_t i = 0; i < operations.size(); ++i) {
            EXPECT_TRUE(results[i])
                << to_string(operations[i]) << ": " << results[i].error().message;
        }
    }
    std::string refusal(const Operation& operation) const {
        const auto done = dataplane->apply(operation);
        return done ? "" : done.error().message;
    }
    /// As the packet path looks for it; "" where there is none.
    std::string service_at(std::uint16_t port, __u8 protocol = IPPROTO_TCP) const {
        shoal_service_key exact{};
        put_address(exact.address, web_service().address);
        exact.port = htons(port);
        exact.protocol = protocol;
        exact.family = 4;
        shoal_port_key prefix{160, {exact.address[0]}, protocol, 4, exact.port};
        std::uint32_t index = 0;
        if (bpf_map_lookup_elem(tables.fd("services"), &exact, &index) != 0 &&
            bpf_map_lookup_elem(tables.fd("service_ports"), &prefix, &index) != 0) {
            return "";
        }
        const shoal_service_key& key = tables.services[index].key;
        return key.mark != 0 ? fmt::format("mark {}", key.mark)
                             : fmt::format("{}", ntohs(key.port));
    }
    /// As the packet path asks.
    bool may_enter(const char* client) const {
        const shoal_service& service = tables.services[0];
        if ((service.flags & SHOAL_SERVICE_ACCESS) == 0) return true;
        const shoal_access_key key{64, 0, {address(client).v4_bits()}};
        __u32 may = 0;
        if (bpf_map_lookup_elem(tables.fd("access_list"), &key, &may) == 0) return may != 0;
        return (service.flags & SHOAL_SERVICE_CLOSED) == 0;
    }
    Pool pool_of(std::uint32_t service) const {
        const auto directory = PinDirectory::open(pins()).value();
        return PoolStore(directory, tables.fd("pools")).get(service).value().value();
    }
    std::uint32_t entry_of(const ServerKey& key) const {
        for (std::uint32_t i = 0; i < SHOAL_USUAL_SERVERS; ++i) {
            const shoal_server& record = tables.servers[i];
            if ((record.flags & SHOAL_SERVER_IN_USE) != 0 && server_key(record) == key) return i;
        }
        return SHOAL_USUAL_SERVERS;
    }
    static ServiceKey with_ports(model::PortRange ports) {
        ServiceKey key = web_service();
        key.port = ports;
        return key;
    }
    static ServiceKey mark(std::uint32_t value) {
        ServiceKey key;
        key.mark = value;
        return key;
    }
    static ServiceOptions matching(std::vector<model::PortRange> ports) {
        ServiceOptions options;
        for (const model::PortRange& range : ports)
            options.matches.push_back({model::Protocol::tcp, web_service().address, range});
        return options;
    }
    static ServiceOptions persistent() {
        ServiceOptions options;
        options.persistence.emplace();
        return options;
    }

    std::unique_ptr<BpfDataplane> dataplane;
    Tables tables;
};

TEST_F(BatchTest, ports_lead_to_the_virtual_server_that_has_them) {
    apply_all({AddService{with_ports(80), {}}, AddService{with_ports({8000, 8100}), {}},
               AddService{with_ports(21), persistent()}, AddService{with_ports(0), persistent()},
               AddService{mark(7), matching({80, {8050, 8060}, 443})}});
    EXPECT_EQ(service_at(80), "mark 7");
    EXPECT_EQ(service_at(443), "mark 7");
    EXPECT_EQ(service_at(8049), "8000");
    EXPECT_EQ(service_at(8050), "mark 7");
    EXPECT_EQ(service_at(20), "21");
    EXPECT_EQ(service_at(40000), "21");
    EXPECT_EQ(service_at(1023), "0");
    EXPECT_EQ(service_at(1023, IPPROTO_UDP), "");
    // What a mark gives up goes back to whose it was.
    apply_all({EditService{mark(7), matching({443})}, RemoveService{with_ports(21)}});
    EXPECT_EQ(service_at(80), "80");
    EXPECT_EQ(service_at(8050), "8000");
    EXPECT_EQ(service_at(20), "0");
    apply_all({RemoveService{with_ports({8000, 8100})}, RemoveService{with_ports(0)},
               RemoveService{mark(7)}});
    EXPECT_EQ(service_at(8050), "");
    EXPECT_EQ(service_at(443), "");
    EXPECT_EQ(service_at(80), "80");
}

TEST_F(BatchTest, two_virtual_servers_cannot_have_one_port) {
    apply_all({AddService{with_ports({8000, 8100}), {}}, AddService{mark(7), matching({443})}});
    EXPECT_EQ(refusal(AddService{with_ports(8080), {}}),
              "tcp 192.0.2.80:8080 would take ports that tcp 192.0.2.80:8000-8100 has");
    EXPECT_EQ(refusal(AddService{mark(8), matching({{400, 500}})}),
              "mark 8 would take ports that mark 7 has");
    EXPECT_EQ(service_at(8080), "8000");
    // One that follows another takes over without a refusal and without a gap.
    apply_all({AddService{with_ports({8080, 8200}), {}}, RemoveService{with_ports({8000, 8100})}});
    EXPECT_EQ(service_at(8080), "8080");
    EXPECT_EQ(service_at(8079), "");
}

TEST_F(BatchTest, the_longest_prefix_decides_who_may_enter) {
    ServiceOptions options;
    options.allow = {net::Prefix::parse("10.0.0.0/8").value()};
    options.deny = {net::Prefix::parse("10.1.0.0/16").value()};
    apply_all({AddService{web_service(), options}});
    EXPECT_TRUE(may_enter("10.2.0.1"));
    EXPECT_FALSE(may_enter("10.1.0.1"));
    EXPECT_FALSE(may_enter("192.0.2.1"));
    options.allow.clear();
    apply_all({EditService{web_service(), options}});
    EXPECT_TRUE(may_enter("192.0.2.1"));
    EXPECT_FALSE(may_enter("10.1.0.1"));
    apply_all({EditService{web_service(), {}}});
    EXPECT_EQ(tables.services[0].flags & SHOAL_SERVICE_ACCESS, 0U);
    shoal_access_key any{};
    EXPECT_NE(bpf_map_get_next_key(tables.fd("access_list"), nullptr, &any), 0) << "no remains";
}

TEST_F(BatchTest, changes_of_one_list_take_effect_with_one_swap) {
    std::vector<Operation> operations{AddService{web_service(), {model::Scheduler::rr}}};
    for (int last = 1; last <= 20; ++last)
        operations.push_back(AddServer{web_service(), real_server(last)});
    apply_all(operations);
    const auto generation = pool_of(0).generation;
    EXPECT_EQ(generation, 1U);
    store_shared<__u64>(tables.cursors[0], entry_of(real_server(10).key) + 1);
    apply_all({RemoveServer{web_service(), real_server(10).key},
               RemoveServer{web_service(), real_server(11).key},
               AddServer{web_service(), real_server(10)},
               EditServer{web_service(), real_server(9, 4)}});
    EXPECT_EQ(pool_of(0).generation, generation + 1);
    EXPECT_EQ(pool_of(0).members.size(), 19U);
    EXPECT_EQ(pool_of(0).members[0].server, entry_of(real_server(10).key));
    shoal_cursor cursor{};
    cursor.word = tables.cursors[0];
    EXPECT_EQ(cursor.last, entry_of(real_server(12).key) + 1)
        << "the removals made it step back twice, the return of the server changes nothing";
}

TEST_F(BatchTest, what_the_kernel_refuses_leaves_the_old_state_whole) {
    ServiceOptions options = persistent();
    options.scheduler = model::Scheduler::rr;
    apply_all({AddService{web_service(), options}, AddServer{web_service(), real_server(1)}});
    const auto before = dataplane->observe()->services;
    const std::string pools = pins() / PoolStore::directory;
    run("mount -t tmpfs none " + pools);
    EXPECT_NE(refusal(AddServer{web_service(), real_server(2)}), "");
    EXPECT_NE(refusal(EditServer{web_service(), real_server(1, 9)}), "");
    EXPECT_NE(refusal(EditService{web_service(), {model::Scheduler::wlc}}), "");
    EXPECT_NE(refusal(AddService{with_ports(81), {}}), "");
    run("umount " + pools);
    EXPECT_TRUE(dataplane->observe()->services == before);
    EXPECT_EQ(service_at(81), "");
    apply_all({AddServer{web_service(), real_server(2)}, AddService{with_ports(81), {}}});
    EXPECT_EQ(service_at(81), "81");
}

TEST_F(BatchTest, a_refused_virtual_server_does_not_spoil_the_others) {
    apply_all({AddService{with_ports(80), {}}, AddService{mark(7), matching({443})},
               AddServer{mark(7), real_server(1)}});
    const Pool before = pool_of(1);
    // The table of exact ports is full but for one place.
    for (std::uint32_t i = 2; i < SHOAL_USUAL_SERVICES - 1; ++i) {
        shoal_service_key other{};
        other.address[0] = i;
        other.family = 4;
        ASSERT_EQ(bpf_map_update_elem(tables.fd("services"), &other, &i, BPF_ANY), 0);
    }
    const std::vector<Operation> batch{AddService{with_ports(81), {}},
                                       AddServer{with_ports(81), real_server(1)},
                                       AddService{with_ports(82), {}},
                                       AddServer{with_ports(82), real_server(2)},
                                       EditService{with_ports(80), {model::Scheduler::rr}},
                                       EditService{mark(7), matching({443, 445})},
                                       AddServer{mark(7), real_server(2)}};
    const auto results = dataplane->apply_all(batch);
    ASSERT_EQ(results.size(), batch.size());
    EXPECT_TRUE(results[0]);
    EXPECT_TRUE(results[1]);
    EXPECT_THAT(results[2].error().message, HasSubstr("table of virtual ports is full"));
    EXPECT_THAT(results[3].error().message, HasSubstr("table of virtual ports is full"));
    EXPECT_TRUE(results[4]);
    EXPECT_FALSE(results[5]);
    EXPECT_FALSE(results[6]);
    const auto services = dataplane->observe()->services;
    ASSERT_EQ(services.size(), 3U);
    EXPECT_EQ(services[0].key, mark(7));
    EXPECT_EQ(services[0].options, matching({443}));
    EXPECT_EQ(pool_of(1).members, before.members);
    EXPECT_EQ(service_at(445), "");
    EXPECT_EQ(services[1].options.scheduler, model::Scheduler::rr);
    EXPECT_EQ(services[2].servers.size(), 1U);
    EXPECT_EQ(service_at(81), "81");
    EXPECT_EQ(service_at(82), "");
}

TEST_F(BatchTest, thresholds_are_kept_next_to_the_load) {
    Server server = real_server(1);
    server.upper_threshold = 10;
    server.lower_threshold = 4;
    apply_all({AddService{web_service(), {}}, AddServer{web_service(), server}});
    shoal_server_load& load = tables.loads[entry_of(server.key)];
    EXPECT_EQ(load.upper, 10U);
    EXPECT_EQ(load.lower, 4U);
    store_shared<__u64>(load.load, SHOAL_LOAD_OVERLOADED + 10);
    EXPECT_TRUE(dataplane->statistics()->services[0].servers[0].overloaded);
    EXPECT_EQ(dataplane->statistics()->services[0].servers[0].active, 0U);
    const auto overloaded_with = [&](std::uint32_t upper, std::uint32_t lower) {
        server.upper_threshold = upper;
        server.lower_threshold = lower;
        apply_all({EditServer{web_service(), server}});
        EXPECT_EQ(load.load & SHOAL_LOAD_COUNTS, 10U);
        return (load.load & SHOAL_LOAD_OVERLOADED) != 0;
    };
    EXPECT_TRUE(overloaded_with(11, 4)) << "between the thresholds nothing changes";
    EXPECT_FALSE(overloaded_with(11, 11)) << "below the lower one";
    EXPECT_TRUE(overloaded_with(10, 4)) << "at the upper one";
    EXPECT_TRUE(overloaded_with(13, 0)) << "10 is not below 13 * 3 / 4 = 9";
    EXPECT_FALSE(overloaded_with(15, 0)) << "but below 15 * 3 / 4 = 11";
    EXPECT_TRUE(overloaded_with(8, 0));
    EXPECT_FALSE(overloaded_with(0, 0)) << "no threshold";
}

TEST_F(BatchTest, any_edit_of_a_real_server_starts_wrr_at_the_head) {
    ServiceOptions options;
    options.scheduler = model::Scheduler::wrr;
    Server server = real_server(1);
    server.weight = 3;
    apply_all({AddService{web_service(), options}, AddServer{web_service(), server}});
    __u64& cursor = tables.cursors[0];
    const shoal_cursor before{.last = 1, .current_weight = 2, .zero = 0};
    store_shared(cursor, before.word);
    server.upper_threshold = 8;
    apply_all({EditServer{web_service(), server}});
    EXPECT_EQ(cursor, (shoal_cursor{.last = 0, .current_weight = 1, .zero = 0}.word));
}

TEST_F(BatchTest, connections_of_a_removed_server_may_go_on) {
    apply_all({AddService{web_service(), {}}, AddServer{web_service(), real_server(1)}});
    const auto entry = entry_of(real_server(1).key);
    store_shared<__u64>(tables.loads[entry].load, SHOAL_LOAD_ACTIVE_ONE);
    const auto flags = [&] {
        return tables.servers[entry].flags & (SHOAL_SERVER_AVAILABLE | SHOAL_SERVER_KEPT);
    };
    apply_all({RemoveServer{web_service(), real_server(1).key, model::RemovedConnections::keep}});
    EXPECT_EQ(flags(), SHOAL_SERVER_KEPT);
    EXPECT_THAT(dataplane->observe()->kept, ElementsAre(real_server(1).key.address));
    const auto hop = NextHop{7, {}, real_server(1).key.address, net::MacAddress{}};
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, hop));
    EXPECT_EQ(tables.servers[entry].interface, 7U);
    apply_all({AddServer{web_service(), real_server(1)}});
    EXPECT_EQ(flags(), SHOAL_SERVER_AVAILABLE);
    EXPECT_EQ(entry_of(real_server(1).key), entry);
    EXPECT_THAT(dataplane->observe()->kept, IsEmpty());
    apply_all({RemoveServer{web_service(), real_server(1).key}});
    EXPECT_EQ(flags(), 0);
}

TEST_F(BatchTest, at_a_join_all_count_as_freshly_added) {
    ServiceOptions options;
    options.quiesce_server = true;
    apply_all({AddService{web_service(), options}, AddServer{web_service(), real_server(1)}});
    const auto first = entry_of(real_server(1).key);
    const auto epoch = tables.services[0].load_epoch;
    const __u64 busy = 5 * SHOAL_LOAD_ACTIVE_ONE + 3;
    store_shared<__u64>(tables.loads[first].load, busy);
    apply_all({EditServer{web_service(), real_server(1, 2)}});
    EXPECT_EQ(tables.services[0].load_epoch, epoch) << "nobody joined";
    apply_all({AddServer{web_service(), real_server(2)}});
    EXPECT_EQ(tables.services[0].load_epoch, epoch + 1);
    EXPECT_EQ(tables.loads[first].baseline, busy);
    EXPECT_EQ(tables.loads[first].load, busy);
    apply_all({EditServer{web_service(), real_server(2, 0)}});
    EXPECT_EQ(tables.services[0].load_epoch, epoch + 1);
    apply_all({EditServer{web_service(), real_server(2, 1)}});
    EXPECT_EQ(tables.services[0].load_epoch, epoch + 2) << "a drained one that returns joins too";
    options.quiesce_server = false;
    apply_all({EditService{web_service(), options}, AddServer{web_service(), real_server(3)}});
    EXPECT_EQ(tables.services[0].load_epoch, epoch + 2);
}

/// New connections come in all the while.
TEST_F(BatchTest, a_port_that_changes_hands_is_served_at_every_moment) {
    const std::vector<Operation> come{AddService{mark(7), matching({80})},
                                      AddServer{mark(7), real_server(2)}};
    const std::vector<Operation> go{RemoveService{mark(7)}};
    ASSERT_TRUE(dataplane->withdraw());
    dataplane = BpfDataplane::open({pins(), 1U << 16}).value();
    apply_all({AddService{web_service(), {}}, AddServer{web_service(), real_server(1)}});
    for (const int last : {1, 2}) {
        const auto real = real_server(last).key.address;
        ASSERT_TRUE(dataplane->set_next_hop(real, {1, {}, real, net::MacAddress{}}));
    }
    std::atomic<bool> done = false;
    std::atomic<int> sent = 0;
    int lost = 0;
    std::thread client([&] {
        while (!done) {
            // Each a connection of its own; as many as the table holds are enough.
            lost += pass_segment(true, static_cast<std::uint16_t>(1024 + sent)) ? 0 : 1;
            ++sent;
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
    });
    for (int round = 0; round < 20; ++round) {
        const int before = sent;
        apply_all(round % 2 == 0 ? come : go);
        while (sent < before + 20)
            std::this_thread::yield();
    }
    done = true;
    client.join();
    EXPECT_EQ(lost, 0) << "of " << sent;
    EXPECT_GT(dataplane->statistics()->verdicts[SHOAL_VERDICT_new_connection].packets, 100U);
}

/// Runs `action`; seconds.
template <class Action>
double seconds(Action&& action) {
    const auto begin = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST_F(BatchTest, mh_forgets_the_weight_of_a_server_that_is_added_again_without_one) {
    apply_all({AddService{web_service(), {model::Scheduler::mh}},
               AddServer{web_service(), real_server(1, 5)}});
    const auto last_weight = [&] { return tables.loads[entry_of(real_server(1).key)].last_weight; };
    apply_all({EditServer{web_service(), real_server(1, 0)}});
    EXPECT_EQ(last_weight(), 5U);
    apply_all({EditServer{web_service(), real_server(1, 7)},
               EditServer{web_service(), real_server(1, 0)}});
    EXPECT_EQ(last_weight(), 7U);
    apply_all({RemoveServer{web_service(), real_server(1).key},
               AddServer{web_service(), real_server(1, 0)}});
    EXPECT_EQ(last_weight(), 0U);
}

TEST_F(BatchTest, connections_are_kept_although_the_virtual_server_goes_too) {
    apply_all({AddService{web_service(), {}}, AddServer{web_service(), real_server(1)},
               AddServer{web_service(), real_server(2)}});
    apply_all({RemoveServer{web_service(), real_server(1).key, model::RemovedConnections::keep},
               RemoveService{web_service()}});
    constexpr unsigned state = SHOAL_SERVER_AVAILABLE | SHOAL_SERVER_KEPT;
    EXPECT_EQ(tables.servers[entry_of(real_server(1).key)].flags & state, SHOAL_SERVER_KEPT);
    EXPECT_EQ(tables.servers[entry_of(real_server(2).key)].flags & state, 0U);
}

/// The kernel waits 10 ms and more for its readers after each swap; once for all is quick.
TEST_F(BatchTest, a_thousand_virtual_servers_come_and_go_at_once) {
    std::vector<Operation> come;
    std::vector<Operation> go;
    for (int i = 0; i < 1000; ++i) {
        const ServiceKey key = with_ports(static_cast<std::uint16_t>(1000 + i));
        come.push_back(AddService{key, {}});
        for (const int last : {1, 2})
            come.push_back(AddServer{key, real_server(last)});
        go.push_back(RemoveService{key});
    }
    const double coming = seconds([&] { apply_all(come); });
    EXPECT_EQ(dataplane->observe()->services.size(), 1000U);
    const double observing = seconds([&] { static_cast<void>(dataplane->observe()); });
    const double measuring = seconds([&] { static_cast<void>(dataplane->statistics()); });
    const double going = seconds([&] { apply_all(go); });
    EXPECT_THAT(dataplane->observe()->services, IsEmpty());
    EXPECT_LT(coming + going, 8.0);
    EXPECT_LT(observing + measuring, 2.0);
    fmt::print("come {:.3f} s, observe {:.3f} s, statistics {:.3f} s, go {:.3f} s\n", coming,
               observing, measuring, going);
}

TEST_F(BatchTest, a_virtual_server_of_4096_comes_up_at_once) {
    std::vector<Operation> operations{AddService{web_service(), {model::Scheduler::wrr}}};
    Server server = real_server(1);
    for (std::uint16_t i = 0; i < SHOAL_MAX_POOL; ++i) {
        server.key.port = static_cast<std::uint16_t>(1000 + i);
        server.weight = 1U + i % 7;
        operations.push_back(AddServer{web_service(), server});
    }
    const double coming = seconds([&] { apply_all(operations); });
    server.weight = 9;
    const double editing = seconds([&] { apply_all({EditServer{web_service(), server}}); });
    EXPECT_EQ(pool_of(0).members.size(), std::size_t{SHOAL_MAX_POOL});
    EXPECT_LT(coming + editing, 5.0);
    fmt::print("come {:.3f} s, one edit {:.3f} s\n", coming, editing);
}

/// Under a flood of new connections the cursor never rests.
TEST(ChangeShared, ends_although_packets_change_the_word_at_every_attempt) {
    __u64 word = 1000;
    int attempts = 0;
    change_shared(word, [&](__u64 old) {
        EXPECT_EQ(old, word);
        ++attempts;
        ++word;
        return old * 2;
    });
    EXPECT_LE(attempts, 8);
    EXPECT_EQ(word, (1000 + static_cast<__u64>(attempts) - 1) * 2);
}

TEST(ChangeShared, takes_in_what_a_packet_did_meanwhile) {
    __u64 word = 3;
    bool first = true;
    change_shared(word, [&](__u64 old) {
        if (std::exchange(first, false)) word = 5;
        return old * 10;
    });
    EXPECT_EQ(word, 50U);
}

}  // namespace
}  // namespace shoal::dataplane

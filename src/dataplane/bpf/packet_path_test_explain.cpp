#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <array>
#include <cstring>
#include <random>
#include <set>

#include "dataplane/bpf/installation.h"
#include "dataplane/bpf/packet_path_test_schedulers.h"
#include "dataplane/bpf/testing/service_options.h"

// What `shoal explain` says, against what a packet then does.

namespace shoal::dataplane::testing {
namespace {

constexpr std::uint32_t zero = 0;

bool is_ipv6(std::string_view address) {
    return address.contains(':');
}

void put(__be32 (&wide)[4], std::string_view address) {
    EXPECT_EQ(inet_pton(is_ipv6(address) ? AF_INET6 : AF_INET, std::string(address).c_str(), &wide),
              1);
}

std::string verdict_name(std::uint32_t verdict) {
    constexpr std::array names{
#define NAME(name, meaning) #name,
        SHOAL_VERDICTS(NAME)
#undef NAME
    };
    return names.at(verdict);
}

class Explain : public Schedulers {
  protected:
    explicit Explain(std::uint32_t cells = 4096) : Schedulers(cells) {}

    shoal_explanation explain(const Endpoint& from, const Endpoint& to, std::uint8_t protocol = 6,
                              bool opens = true) const {
        shoal_explanation answer{};
        put(answer.client_address, from.address);
        answer.client_port = htons(from.port);
        put(answer.virtual_address, to.address);
        answer.virtual_port = htons(to.port);
        answer.protocol = protocol;
        answer.with_client_port = 1;
        answer.opens = opens;
        answer.service = answer.server = SHOAL_NOBODY;
        bpf_map_update_elem(path.map("explanation"), &zero, &answer, BPF_ANY);
        const auto returned =
            run_program(path.program(is_ipv6(to.address) ? "explain_ipv6" : "explain"), 0);
        EXPECT_TRUE(returned && *returned == 0);
        bpf_map_lookup_elem(path.map("explanation"), &zero, &answer);
        return answer;
    }

    /// Everything that a packet changes.
    std::string everything() const {
        std::string all;
        const auto append = [&](const auto& values) {
            const auto bytes = std::as_bytes(values);
            all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        };
        append(path.connections());
        append(path.buckets());
        append(std::span(&path.cursor(service), 1));
        append(path.nodes(service));
        for (std::uint32_t server = 0; server < servers; ++server)
            append(std::span(&path.load_record(server), 1));
        shoal_locality_key key{};
        int error = bpf_map_get_next_key(path.map("locality"), nullptr, &key);
        while (error == 0) {
            auto set = std::make_unique<shoal_locality>();
            bpf_map_lookup_elem(path.map("locality"), &key, set.get());
            append(std::span(&key, 1));
            append(std::span(set.get(), 1));
            error = bpf_map_get_next_key(path.map("locality"), &key, &key);
        }
        return all;
    }

    /// What it says, having changed nothing.
    shoal_explanation look(const Endpoint& from) { return look(from, vip); }
    shoal_explanation look(const Endpoint& from, const Endpoint& to, std::uint8_t protocol = 6) {
        const auto before = everything();
        const auto answer = explain(from, to, protocol);
        EXPECT_TRUE(everything() == before) << "something changed";
        return answer;
    }

    /// A connection from `from`: first explained, then made.
    void compare(const Endpoint& from, bool by_chance) {
        const auto said = look(from);
        const int chosen = next(from);
        if (chosen < 0) {
            EXPECT_EQ(verdict_name(said.verdict), "no_server");
            return;
        }
        EXPECT_EQ(verdict_name(said.verdict), "new_connection");
        EXPECT_EQ(said.service, service);
        EXPECT_EQ(said.by_chance != 0, by_chance);
        if (!by_chance) EXPECT_EQ(static_cast<int>(said.server), chosen);
    }

    /// Connections of a few hundred clients while weights change and connections end.
    void compare_all(shoal_scheduler scheduler, std::uint32_t flags = 0, std::uint32_t pool = 5) {
        SCOPED_TRACE(scheduler);
        std::mt19937 chance(scheduler + pool);
        std::vector<std::uint32_t> weights(pool);
        for (auto& weight : weights)
            weight = chance() % 5;
        serve(scheduler, weights, flags);
        for (int i = 0; i < 150; ++i) {
            if (chance() % 16 == 0) {
                std::vector<Member> members;
                for (std::uint32_t server = 0; server < pool; ++server)
                    members.push_back({server, static_cast<std::uint32_t>(chance() % 5)});
                edit(members);
            }
            const std::string network = is_ipv6(vip.address) ? "2001:db8:1::" : "198.51.100.";
            const std::string address = network + std::to_string(chance() % 40);
            compare({address, static_cast<std::uint16_t>(1024 + i)},
                    scheduler == SHOAL_SCHEDULER_TWOS);
        }
    }
};

class ExplainEach : public Explain, public ::testing::WithParamInterface<int> {};

TEST_P(ExplainEach, it_says_whom_the_packet_then_goes_to) {
    compare_all(static_cast<shoal_scheduler>(GetParam()));
}

TEST_P(ExplainEach, ipv6_is_no_different) {
    vip = {"2001:db8:80::80", 80};
    compare_all(static_cast<shoal_scheduler>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Schedulers, ExplainEach, ::testing::Range(0, SHOAL_SCHEDULER_TWOS + 1));

TEST_F(Explain, hashes_by_port_and_falls_back_as_packets_do) {
    compare_all(SHOAL_SCHEDULER_SH, SHOAL_SERVICE_HASH_PORT | SHOAL_SERVICE_HASH_FALLBACK);
}

TEST_F(Explain, large_pools_are_no_different) {
    compare_all(SHOAL_SCHEDULER_WLC, 0, 300);
}

TEST_F(Explain, thresholds_count) {
    serve(SHOAL_SCHEDULER_WRR, {3, 2, 1});
    for (std::uint32_t server = 0; server < 3; ++server)
        path.load_record(server).upper = 3;
    for (std::uint16_t port = 1; port <= 10; ++port)
        compare({"198.51.100.7", port}, false);
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 99}).verdict), "no_server");
}

TEST_F(Explain, a_template_decides_while_it_holds) {
    serve(SHOAL_SCHEDULER_RR, {1, 1, 1});
    set_persistence(path, service, 300);
    const int first = next({"198.51.100.7", 1});
    next({"198.51.100.8", 1});
    auto said = look({"198.51.100.7", 2});
    EXPECT_NE(said.template_cell, 0U);
    EXPECT_EQ(said.scheduled, 0);
    EXPECT_EQ(static_cast<int>(said.server), first);
    EXPECT_EQ(next({"198.51.100.7", 2}), first);

    edit({{0, first == 0 ? 0U : 1U}, {1, first == 1 ? 0U : 1U}, {2, first == 2 ? 0U : 1U}});
    said = look({"198.51.100.7", 3});
    EXPECT_EQ(said.template_cell, 0U);
    EXPECT_EQ(said.scheduled, 1);
    EXPECT_EQ(templates(path).size(), 2U) << "the one that no longer holds is left alone";
    EXPECT_EQ(static_cast<int>(said.server), next({"198.51.100.7", 3}));
}

TEST_F(Explain, ipv6_connections_and_templates_are_found) {
    vip = {"2001:db8:80::80", 80};
    serve(SHOAL_SCHEDULER_RR, {1, 1, 1});
    set_persistence(path, service, 300);
    const int first = next({"2001:db8:1::7", 1});
    next({"2001:db8:1::8", 1});
    EXPECT_EQ(verdict_name(look({"2001:db8:1::7", 1}).verdict), "forwarded");
    const auto said = look({"2001:db8:1::7", 2});
    EXPECT_NE(said.template_cell, 0U);
    EXPECT_EQ(static_cast<int>(said.server), first);
    EXPECT_EQ(verdict_name(look({"2001:db8:1::7", 1}, {"2001:db8:80::80", 81}).verdict),
              "no_service");
    EXPECT_EQ(verdict_name(look({"2001:db8:1::7", 1}, {"2001:db8:80::81", 80}).verdict), "foreign");
}

TEST_F(Explain, a_known_connection_stays_with_its_server) {
    serve(SHOAL_SCHEDULER_RR, {1, 1});
    const int chosen = next({"198.51.100.7", 1});
    const auto said = look({"198.51.100.7", 1});
    EXPECT_EQ(verdict_name(said.verdict), "forwarded");
    EXPECT_NE(said.cell, 0U);
    EXPECT_EQ(said.scheduled, 0);
    EXPECT_EQ(static_cast<int>(said.server), chosen);
}

TEST_F(Explain, a_syn_after_the_end_begins_anew) {
    serve(SHOAL_SCHEDULER_RR, {1, 1});
    const Endpoint from{"198.51.100.7", 1};
    next(from);
    for (const std::uint8_t flags : {ack, rst})
        path.run_quietly(Hook::tc, PacketBuilder::tcp(from, vip, flags).build());
    const auto later = explain(from, vip, 6, false);
    EXPECT_EQ(verdict_name(later.verdict), "forwarded");
    EXPECT_EQ(later.reopens, 1);
    EXPECT_EQ(verdict_name(look(from).verdict), "new_connection");
}

TEST_F(Explain, those_who_may_not_enter_are_named_as_such) {
    serve(SHOAL_SCHEDULER_RR, {1});
    add_access(path, service, "198.51.100.0", 24, false);
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 1}).verdict), "denied");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"198.51.100.7", 1}, vip, syn)).verdict,
              "denied");
    EXPECT_EQ(verdict_name(look({"198.51.101.7", 1}).verdict), "new_connection");
}

TEST_F(Explain, other_addresses_and_ports_are_not_balanced) {
    serve(SHOAL_SCHEDULER_RR, {1});
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 1}, {"203.0.113.9", 80}).verdict), "foreign");
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 1}, {"192.0.2.80", 81}).verdict), "no_service");
    EXPECT_EQ(verdict_name(explain({"198.51.100.7", 1}, vip, 17).verdict), "no_service");
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 20}).verdict), "no_connection");
}

TEST_F(Explain, no_route_is_seen) {
    serve(SHOAL_SCHEDULER_RR, {1});
    path.server(0).interface = 0;
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 1}).verdict), "no_route");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"198.51.100.7", 1}, vip, syn)).verdict,
              "no_route");
}

TEST_F(Explain, marks_and_ranges_are_found) {
    serve(SHOAL_SCHEDULER_RR, {1});
    const auto mark = add_mark(path, 80, SHOAL_SCHEDULER_RR);
    add_ports(path, mark, "192.0.2.80", 8000, 8100);
    path.set_pool(mark, {{path.add_server(mark, {"10.0.9.9"}), 1}});
    const auto said = look({"198.51.100.7", 1}, {"192.0.2.80", 8050});
    EXPECT_EQ(verdict_name(said.verdict), "new_connection");
    EXPECT_EQ(said.service, mark);
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"198.51.100.7", 1}, {"192.0.2.80", 8050}, syn))
                  .verdict,
              "new_connection");
    EXPECT_EQ(path.only_connection().server, said.server);
}

TEST_F(Explain, sources_that_no_client_has_are_named_as_such) {
    serve(SHOAL_SCHEDULER_RR, {1});
    EXPECT_EQ(verdict_name(look({"127.0.0.1", 1}).verdict), "martian");
    EXPECT_EQ(verdict_name(look({vip.address, 1}).verdict), "martian");
}

TEST_F(Explain, one_packet_needs_no_room) {
    serve(SHOAL_SCHEDULER_RR, {1, 1}, SHOAL_SERVICE_ONE_PACKET);
    const auto datagrams = path.serve({{"10.0.9.1"}, {"10.0.9.2"}}, SHOAL_SCHEDULER_RR, 17);
    path.service(datagrams).flags |= SHOAL_SERVICE_ONE_PACKET;
    std::set<std::uint32_t> chosen;
    for (std::uint16_t port = 1; port <= 3; ++port) {
        const Endpoint from{"198.51.100.7", port};
        const auto said = look(from, vip, 17);
        EXPECT_EQ(said.one_packet, 1);
        EXPECT_EQ(said.by_ring, 0);
        chosen.insert(said.server);
        const auto before = path.server_counters(said.server).packets_in;
        path.run(Hook::tc, PacketBuilder::udp(from, vip));
        EXPECT_EQ(path.server_counters(said.server).packets_in, before + 1);
    }
    EXPECT_EQ(chosen.size(), 2U);
}

class ExplainFull : public Explain {
  protected:
    ExplainFull() : Explain(1024) {}

    void SetUp() override { pin_to_cpu(0); }

    void begin(shoal_scheduler scheduler, shoal_method method) {
        serve(scheduler, {1, 1, 1});
        for (std::uint32_t server = 0; server < 3; ++server) {
            path.server(server).method = method;
            path.server(server).mac[5] = static_cast<std::uint8_t>(server);
        }
    }
    void fill() {
        for (std::uint16_t port = 1024; path.free_cells() != 0; ++port) {
            ASSERT_LT(port, 4096);
            for (const auto flags : {syn, ack})
                path.run_quietly(Hook::tc,
                                 PacketBuilder::tcp({"203.0.113.1", port}, vip, flags).build());
        }
    }
    /// Clients whom the full table finds; first explained, then sent.
    void compare_clients() {
        for (int i = 1; i <= 40; ++i) {
            const std::string address = "198.51.100." + std::to_string(i);
            const Endpoint from{address, static_cast<std::uint16_t>(5000 + i)};
            const auto said = look(from);
            const auto sent = path.run(Hook::tc, PacketBuilder::tcp(from, vip, syn));
            ASSERT_EQ(verdict_name(said.verdict), sent.verdict);
            if (sent.verdict == "stateless") ASSERT_EQ(said.server, sent.packet.at(5));
        }
    }
    void add_origins() const {
        for (std::uint32_t server = 0; server < 3; ++server) {
            shoal_origin_key key{};
            key.address[0] = path.server(server).address[0];
            key.port = path.server(server).port;
            key.protocol = 6;
            key.family = 4;
            const shoal_origin origin{service, server};
            ASSERT_EQ(bpf_map_update_elem(path.map("nat_origins"), &key, &origin, BPF_ANY), 0);
        }
    }
};

class ExplainFullEach : public ExplainFull,
                        public ::testing::WithParamInterface<shoal_scheduler> {};

TEST_P(ExplainFullEach, service_without_a_record_is_foretold) {
    begin(GetParam(), SHOAL_METHOD_DIRECT);
    ASSERT_NO_FATAL_FAILURE(fill());
    const auto said = look({"198.51.100.7", 1});
    EXPECT_EQ(verdict_name(said.verdict), "stateless");
    EXPECT_EQ(said.full, 1);
    EXPECT_EQ(said.by_ring, 1);
    EXPECT_EQ(said.scheduled, 0);
    compare_clients();
}

INSTANTIATE_TEST_SUITE_P(Schedulers, ExplainFullEach,
                         ::testing::Values(SHOAL_SCHEDULER_RR, SHOAL_SCHEDULER_WLC,
                                           SHOAL_SCHEDULER_SH, SHOAL_SCHEDULER_MH,
                                           SHOAL_SCHEDULER_TWOS));

TEST_F(ExplainFull, a_drop_for_want_of_a_cell_is_foretold) {
    begin(SHOAL_SCHEDULER_RR, SHOAL_METHOD_NAT);
    ASSERT_NO_FATAL_FAILURE(fill());
    EXPECT_EQ(look({"198.51.100.7", 1}).full, 1);
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 1}).verdict), "table_full");
    compare_clients();
    add_origins();
    EXPECT_EQ(verdict_name(look({"198.51.100.7", 1}).verdict), "stateless");
    compare_clients();
}

TEST_F(ExplainFull, a_template_decides_without_a_record_too) {
    begin(SHOAL_SCHEDULER_RR, SHOAL_METHOD_DIRECT);
    set_persistence(path, service, 300);
    const int bound = next({"198.51.100.7", 1});
    ASSERT_NO_FATAL_FAILURE(fill());
    const auto said = look({"198.51.100.7", 2});
    EXPECT_EQ(verdict_name(said.verdict), "stateless");
    EXPECT_NE(said.template_cell, 0U);
    EXPECT_EQ(static_cast<int>(said.server), bound);
    EXPECT_EQ(said.by_ring, 0);
    compare_clients();
}

TEST_F(ExplainFull, the_ring_still_binds_clients_when_there_is_room_again) {
    begin(SHOAL_SCHEDULER_RR, SHOAL_METHOD_DIRECT);
    set_persistence(path, service, 300);
    ASSERT_NO_FATAL_FAILURE(fill());
    ASSERT_EQ(verdict_name(look({"198.51.100.7", 1}).verdict), "stateless");
    path.run(Hook::tc, PacketBuilder::tcp({"198.51.100.7", 1}, vip, syn));
    for (int round = 0; round < 3; ++round) {
        path.age(1000);
        path.sweep();
    }
    for (int i = 1; i <= 20; ++i) {
        const std::string address = "198.51.100." + std::to_string(i);
        const auto said = look({address, 1});
        EXPECT_EQ(verdict_name(said.verdict), "new_connection");
        EXPECT_EQ(said.by_ring, 1);
        EXPECT_EQ(said.full, 0);
        EXPECT_EQ(static_cast<int>(said.server), next({address, 1}));
    }
}

}  // namespace
}  // namespace shoal::dataplane::testing

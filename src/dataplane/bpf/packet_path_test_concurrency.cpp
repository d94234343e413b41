#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <tuple>

#include "dataplane/bpf/testing/service_options.h"

// Two CPUs open, close and sweep the same few tuples while pools and weights change, with
// persistence templates and FTP. At rest the books must balance.

namespace shoal::dataplane::testing {
namespace {

constexpr std::uint16_t clients = 40;
constexpr std::uint16_t services = 20;  // of one client each: more than two buckets hold
constexpr std::uint32_t servers_per_service = 3;
constexpr std::uint16_t ftp = 7;  // the number of the service on port 21

constexpr std::uint16_t port_of(std::uint16_t service) {
    return service == ftp ? 21 : static_cast<std::uint16_t>(1000 + service);
}

class Concurrency : public ::testing::Test {
  protected:
    // Few cells, so that the table is full now and then.
    PacketPath path{1024};
    std::atomic<bool> stop{false};

    void SetUp() override {
        ASSERT_GE(std::thread::hardware_concurrency(), 2U) << "one CPU cannot show a race";
        const shoal_scheduler schedulers[] = {SHOAL_SCHEDULER_RR, SHOAL_SCHEDULER_WRR,
                                              SHOAL_SCHEDULER_LC, SHOAL_SCHEDULER_WLC};
        for (std::uint16_t i = 0; i < services; ++i) {
            const auto service =
                path.add_service("192.0.2.80", port_of(i), schedulers[i % 4], i % 5 == 4 ? 17 : 6);
            std::vector<Member> members;
            for (std::uint32_t s = 0; s < servers_per_service; ++s)
                members.push_back({path.add_server(
                    service, {.address = "10.0.0." + std::to_string(s + 1),
                              .port = static_cast<std::uint16_t>(2000 + i),
                              .method = i % 3 == 0 ? SHOAL_METHOD_DIRECT : SHOAL_METHOD_NAT})});
            path.set_pool(service, members);
            if (i % 4 == 3) set_persistence(path, service, 100);
        }
    }

    static PacketBuilder random_packet(std::mt19937& random) {
        const auto number = static_cast<std::uint16_t>(random() % services);
        const Endpoint client{"198.51.100.7",
                              static_cast<std::uint16_t>(1024 + random() % clients)};
        const Endpoint service{"192.0.2.80", port_of(number)};
        if (number % 5 == 4) return PacketBuilder::udp(client, service);
        constexpr std::uint8_t flags[] = {syn, syn, syn, ack, ack, fin | ack, rst};
        const auto chosen = flags[random() % std::size(flags)];
        if (random() % 4 != 0) return PacketBuilder::tcp(client, service, chosen);
        const std::string address = "10.0.0." + std::to_string(random() % servers_per_service + 1);
        if (number == ftp && chosen == syn) return PacketBuilder::tcp({address, 20}, client, syn);
        return PacketBuilder::tcp({address, static_cast<std::uint16_t>(2000 + number)}, client,
                                  chosen == syn ? std::uint8_t(syn | ack) : chosen);
    }

    /// Packets of one seed, so that both CPUs go through the same tuples at nearly the same time.
    void drive(unsigned cpu, unsigned seed, int rounds) {
        pin_to_cpu(cpu);
        std::mt19937 random(seed);
        for (int i = 0; i < rounds; ++i) {
            const auto packet = random_packet(random).build();
            for (int repeat = 0; repeat < 3; ++repeat)
                path.run_quietly((i + repeat + static_cast<int>(cpu)) % 2 ? Hook::tc : Hook::xdp,
                                 packet);
        }
    }
    void disturb(unsigned cpu) {
        pin_to_cpu(cpu);
        std::mt19937 random(2);
        while (!stop) {
            const std::uint32_t service = random() % services;
            std::vector<Member> members;
            for (std::uint32_t s = 0; s < servers_per_service; ++s)
                if (random() % 4 != 0)
                    members.push_back({service * servers_per_service + s,
                                       static_cast<std::uint32_t>(random() % 5)});
            path.set_pool(service, members);
            auto& server = path.server(
                static_cast<std::uint32_t>(random() % (services * servers_per_service)));
            server.flags ^= SHOAL_SERVER_AVAILABLE;
            // Some connections fall silent, so that the sweeper ends them under the packets.
            for (auto& connection : path.connections())
                if (random() % 8 == 0) connection.seen -= 1000 * path.settings().hz;
            path.sweep();
        }
    }
    /// How much of it happens in a given number of packets depends on who gets the CPUs.
    bool saw_enough() const {
        const auto verdicts = path.verdicts();
        return verdicts.at("new_connection") > 10'000 && verdicts.at("server_gone") > 100 &&
               path.sweeper().expired > 1'000;
    }
    void expect_balanced_books() {
        std::map<std::uint32_t, std::uint64_t> loads;
        std::set<
            std::tuple<std::uint32_t, std::uint16_t, std::uint32_t, std::uint16_t, std::uint8_t>>
            tuples;
        std::map<std::uint32_t, std::uint32_t> controlled;
        std::map<std::uint32_t, std::uint64_t> named;
        std::uint32_t used = 0, controls = 0;
        for (const auto& connection : path.connections()) {
            const auto state = connection.word & SHOAL_WORD_STATE_MASK;
            if (connection.protocol == 0 || state == SHOAL_STATE_FREE) continue;
            ++used;
            if (state == SHOAL_STATE_DEAD) {
                EXPECT_EQ(connection.protocol, SHOAL_PROTOCOL_TEMPLATE);
                EXPECT_GT(connection.controlled, 0U) << "held by a connection";
                continue;
            }
            EXPECT_TRUE(tuples
                            .emplace(connection.client_address, connection.client_port,
                                     connection.virtual_address, connection.virtual_port,
                                     connection.protocol)
                            .second)
                << "two live connections or templates of one tuple";
            if (state == SHOAL_STATE_TEMPLATE) {
                ++named[connection.server];
                continue;
            }
            ASSERT_LT(state, SHOAL_STATES) << "nothing is left pending or dead after two sweeps";
            loads[connection.server] += connection.word & SHOAL_WORD_INACTIVE
                                            ? SHOAL_LOAD_INACTIVE_ONE
                                            : SHOAL_LOAD_ACTIVE_ONE;
            if (connection.template_cell != 0) ++controlled[connection.template_cell];
            if (connection.word & SHOAL_WORD_FTP_CONTROL) ++controls;
        }
        for (std::uint32_t server = 0; server < services * servers_per_service; ++server) {
            EXPECT_EQ(path.load(server), loads[server]) << "server " << server;
            EXPECT_EQ(counted_templates(path, server), named[server]) << "server " << server;
        }
        for (std::uint32_t cell = 0; cell < path.cells(); ++cell)
            if (path.connections()[cell].protocol == SHOAL_PROTOCOL_TEMPLATE)
                EXPECT_EQ(path.connections()[cell].controlled, controlled[cell]) << cell;
        for (const auto& control : ftp_controls(path))
            controls -= control.connections;
        EXPECT_EQ(controls, 0U);
        EXPECT_EQ(path.free_cells() + used, path.cells() - 1) << "no cell is lost or doubled";
        EXPECT_EQ(path.sweeper().used, used);
    }
    void expect_empty_index() {
        // Connections first, then the templates that they kept.
        for (int round = 0; round < 3; ++round) {
            for (auto& connection : path.connections())
                connection.seen -= 1000 * path.settings().hz;
            path.sweep();
        }
        EXPECT_TRUE(path.live().empty());
        EXPECT_TRUE(templates(path).empty());
        EXPECT_TRUE(ftp_controls(path).empty());
        EXPECT_EQ(path.overflow_entries(), 0U);
        EXPECT_EQ(path.free_cells(), path.cells() - 1);
        for (const auto& bucket : path.buckets())
            for (const auto slot : bucket.slot)
                ASSERT_EQ(slot, 0U);
    }
};

TEST_F(Concurrency, leaves_balanced_books) {
    std::thread disturber([this] { disturb(1); });
    for (unsigned seed = 0; seed < 30 && !saw_enough(); ++seed) {
        std::thread other([this, seed] { drive(0, seed, 50'000); });
        drive(1, seed, 50'000);
        other.join();
    }
    stop = true;
    disturber.join();
    path.sweep();
    path.sweep();
    EXPECT_TRUE(saw_enough()) << "nine million packets met too few events";
    EXPECT_EQ(path.verdicts().at("internal"), 0U);
    expect_balanced_books();
    expect_empty_index();
}

TEST_F(Concurrency, two_first_packets_make_one_connection) {
    // Both CPUs send the same new datagrams in step; nothing ends here, so each tuple opens once. A
    // loser's cell is of no use until it is swept: there are twice as many cells as tuples.
    constexpr std::uint16_t tuples = 500;
    std::atomic<unsigned> turn[2] = {0, 0};
    const auto run = [&](unsigned cpu) {
        pin_to_cpu(cpu);
        for (std::uint16_t number = 0; number < tuples; ++number) {
            const auto port = static_cast<std::uint16_t>(1024 + number);
            const auto packet =
                PacketBuilder::udp({"198.51.100.8", port}, {"192.0.2.80", 1004}).build();
            turn[cpu] = number + 1U;
            while (turn[1 - cpu] <= number) {
            }
            path.run_quietly(Hook::xdp, packet);
        }
    };
    std::thread other([&] { run(0); });
    run(1);
    other.join();
    EXPECT_EQ(path.service_counters(4).connections, tuples);
    EXPECT_EQ(path.live().size(), tuples);
    path.sweep();
    path.sweep();
    expect_balanced_books();
}

}  // namespace
}  // namespace shoal::dataplane::testing

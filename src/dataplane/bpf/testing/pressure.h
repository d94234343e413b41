#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dataplane/bpf/testing/packet_path.h"

namespace shoal::dataplane::testing::pressure {

inline constexpr Endpoint vip{"192.0.2.80", 80};
inline constexpr const char* held = "198.51.100.7";  // whose connections fill the table
inline constexpr std::uint32_t cells = 1024;

inline const std::vector<RealServer> direct{{.address = "10.0.0.1", .method = SHOAL_METHOD_DIRECT},
                                            {.address = "10.0.0.2", .method = SHOAL_METHOD_DIRECT},
                                            {.address = "10.0.0.3", .method = SHOAL_METHOD_DIRECT}};
inline const std::vector<RealServer> translated{{"10.0.0.1"}, {"10.0.0.2"}, {"10.0.0.3"}};

/// A small table, and ways to fill it.
class Pressure : public ::testing::Test {
  protected:
    PacketPath path{cells};

    void SetUp() override { pin_to_cpu(0); }

    std::uint32_t serve(const std::vector<RealServer>& servers,
                        shoal_scheduler scheduler = SHOAL_SCHEDULER_WLC,
                        std::uint8_t protocol = 6) {
        const auto service = path.serve(servers, scheduler, protocol);
        for (std::uint32_t i = 0; i < servers.size(); ++i)
            path.server(i).mac[5] = static_cast<std::uint8_t>(i);  // tells who got a packet
        return service;
    }
    /// As shoald does where the mapping is unique.
    void add_origin(std::uint32_t service, std::uint32_t server) const {
        shoal_origin_key key{};
        key.address[0] = path.server(server).address[0];
        key.port = path.server(server).port;
        key.protocol = path.service(service).key.protocol;
        key.family = 4;
        const shoal_origin origin{service, server};
        ASSERT_EQ(bpf_map_update_elem(path.map("nat_origins"), &key, &origin, BPF_ANY), 0);
    }
    void set_stateless_time(std::uint32_t service, std::uint64_t jiffies) const {
        ASSERT_EQ(bpf_map_update_elem(path.map("stateless_times"), &service, &jiffies, BPF_ANY), 0);
    }
    std::uint64_t stateless_time(std::uint32_t service) const {
        std::uint64_t time = 0;
        bpf_map_lookup_elem(path.map("stateless_times"), &service, &time);
        return time;
    }
    std::string send(const Endpoint& from, std::uint8_t flags) {
        return path.run(Hook::tc, PacketBuilder::tcp(from, vip, flags)).verdict;
    }
    /// Every cell holds an established connection afterwards.
    void fill_with_established() {
        for (std::uint16_t port = 1024; path.free_cells() != 0; ++port) {
            ASSERT_LT(port, 1024 + 2 * cells);
            path.run_quietly(Hook::tc, PacketBuilder::tcp({held, port}, vip, syn).build());
            path.run_quietly(Hook::tc, PacketBuilder::tcp({held, port}, vip, ack).build());
        }
    }
    void end_all() {
        path.age(1000);
        path.sweep();
        path.sweep();
        ASSERT_TRUE(path.live().empty());
    }
    /// Which server the packet went to.
    static int server_of(const Outcome& outcome) { return outcome.packet.at(5); }

    void expect_balanced_books() const {
        std::map<std::uint32_t, std::uint64_t> loads;
        std::uint32_t used = 0;
        for (const auto& connection : path.connections()) {
            const auto state = connection.word & SHOAL_WORD_STATE_MASK;
            if (connection.protocol == 0 || state == SHOAL_STATE_FREE) continue;
            ++used;
            if (state >= SHOAL_STATES) continue;
            loads[connection.server] += connection.word & SHOAL_WORD_INACTIVE
                                            ? SHOAL_LOAD_INACTIVE_ONE
                                            : SHOAL_LOAD_ACTIVE_ONE;
        }
        for (std::uint32_t server = 0; server < 3; ++server)
            EXPECT_EQ(path.load(server), loads[server]) << "server " << server;
        EXPECT_EQ(path.free_cells() + used, path.cells() - 1) << "no cell is lost or doubled";
        std::set<std::uint32_t> indexed;
        for (const auto& bucket : path.buckets())
            for (const auto slot : bucket.slot)
                if ((slot & SHOAL_SLOT_CELL_MASK) != 0) {
                    EXPECT_TRUE(indexed.insert(slot & SHOAL_SLOT_CELL_MASK).second);
                }
        EXPECT_EQ(indexed.size() + path.overflow_entries(), used);
    }
};

}  // namespace shoal::dataplane::testing::pressure

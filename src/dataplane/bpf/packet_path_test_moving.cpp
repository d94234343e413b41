#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dataplane/bpf/testing/move_program.h"
#include "dataplane/bpf/testing/pressure.h"
#include "dataplane/bpf/testing/service_options.h"

// The program that takes connections from a table that drains to the one behind it.

namespace shoal::dataplane::testing::pressure {
namespace {

/// `path` drains; `next` takes over.
class Moving : public Pressure {
  protected:
    PacketPath next{256};
    std::unique_ptr<MoveProgram> move;

    void serve_both() {
        serve(translated);
        next.serve(translated);
    }
    void begin() {
        path.settings().draining = 1;
        move = std::make_unique<MoveProgram>(next, path);
    }
    std::string send_to_next(const Endpoint& from, std::uint8_t flags) {
        return next.run(Hook::tc, PacketBuilder::tcp(from, vip, flags)).verdict;
    }
    std::uint32_t in_use() const {
        std::uint32_t count = 0;
        for (const auto& cell : path.connections()) {
            if (cell.protocol != 0 && (cell.word & SHOAL_WORD_STATE_MASK) != SHOAL_STATE_FREE)
                ++count;
        }
        return count;
    }
};

TEST_F(Moving, a_record_is_the_same_in_the_other_table_and_over_in_the_former) {
    serve_both();
    ASSERT_EQ(send({held, 5000}, syn), "new_connection");
    ASSERT_EQ(send({held, 5000}, ack), "forwarded");
    const shoal_connection before = path.only_connection();
    begin();
    EXPECT_EQ(send_to_next({held, 5000}, ack), "no_connection");
    const auto moved = move->run(false);
    EXPECT_EQ(moved.moved, 1U);
    EXPECT_EQ(moved.waiting, 0U);
    EXPECT_TRUE(path.live().empty());
    const shoal_connection& after = next.only_connection();
    EXPECT_EQ(after.word & 0xffffU, before.word & 0xffffU);
    EXPECT_EQ(after.seen, before.seen);
    EXPECT_EQ(after.server, before.server);
    EXPECT_EQ(after.real_address, before.real_address);
    EXPECT_EQ(after.client_epoch, before.client_epoch);
    EXPECT_EQ(send({held, 5000}, ack), "left_to_successor");
    EXPECT_EQ(send_to_next({held, 5000}, ack), "forwarded");
    path.sweep();
    path.sweep();
    EXPECT_EQ(move->run(false).taken, 0U);
    EXPECT_EQ(in_use(), 0U);
}

TEST_F(Moving, templates_come_first_and_hold_their_connections) {
    serve_both();
    set_persistence(path, 0, 300);
    set_persistence(next, 0, 300);
    for (std::uint16_t port = 5000; port < 5005; ++port)
        ASSERT_EQ(send({held, port}, syn), "new_connection");
    begin();
    EXPECT_EQ(move->run(true).moved, 1U);
    EXPECT_EQ(only_template(next).controlled, 0U);
    EXPECT_EQ(move->run(false).moved, 5U);
    EXPECT_EQ(only_template(next).controlled, 5U);
    EXPECT_TRUE(templates(path).empty());
    path.sweep();
    EXPECT_EQ(in_use(), 0U) << "the template's cell went with the last connection's";
    EXPECT_EQ(send_to_next({held, 5005}, syn), "new_connection");
    EXPECT_EQ(only_template(next).controlled, 6U);
}

TEST_F(Moving, connections_and_templates_of_ipv6_take_their_addresses_along) {
    const Endpoint ipv6_client{"2001:db8:1::7", 40000};
    const Endpoint ipv6_vip{"2001:db8:80::80", 80};
    for (PacketPath* each : {&path, &next}) {
        each->serve({{"2001:db8:a::1", 8080}});
        set_persistence(*each, 0, 300);
    }
    const auto to_next = [&](const Endpoint& from, std::uint8_t flags) {
        return next.run(Hook::tc, PacketBuilder::tcp(from, ipv6_vip, flags)).verdict;
    };
    const auto to_former = [&](const Endpoint& from, std::uint8_t flags) {
        return path.run(Hook::tc, PacketBuilder::tcp(from, ipv6_vip, flags)).verdict;
    };
    for (std::uint16_t port = 4000; port < 4002; ++port)
        ASSERT_EQ(to_former({ipv6_client.address, port}, syn), "new_connection");
    begin();
    EXPECT_EQ(move->run(true).moved, 1U);
    EXPECT_EQ(move->run(false).moved, 2U);
    EXPECT_EQ(to_former({ipv6_client.address, 4000}, ack), "left_to_successor");
    for (std::uint16_t port = 4000; port < 4002; ++port)
        EXPECT_EQ(to_next({ipv6_client.address, port}, ack), "forwarded");
    EXPECT_EQ(to_next({ipv6_client.address, 4002}, syn), "new_connection");
    EXPECT_EQ(only_template(next).controlled, 3U);
    path.sweep();
    path.sweep();
    EXPECT_EQ(move->run(false).taken, 0U);
    EXPECT_EQ(in_use(), 0U);
}

TEST_F(Moving, what_finds_no_room_stays_and_is_served) {
    serve_both();
    for (std::uint16_t port = 2000; port < 2400; ++port)
        ASSERT_EQ(send({held, port}, syn), "new_connection");
    begin();
    const auto moved = move->run(false);
    EXPECT_EQ(moved.moved + moved.waiting, 400U);
    EXPECT_GT(moved.waiting, 0U);
    EXPECT_GT(moved.moved, 200U);
    for (std::uint16_t port = 2000; port < 2400; ++port) {
        const auto verdict = send({held, port}, ack);
        EXPECT_EQ(verdict == "forwarded" ? verdict : send_to_next({held, port}, ack), "forwarded");
    }
    EXPECT_EQ(path.live().size() + next.live().size(), 400U);
}

TEST_F(Moving, a_copy_that_an_interrupted_move_left_is_not_doubled) {
    serve_both();
    ASSERT_EQ(send({held, 5000}, syn), "new_connection");
    // The other table has this flow already.
    ASSERT_EQ(send_to_next({held, 5000}, syn), "new_connection");
    begin();
    EXPECT_EQ(move->run(false).moved, 1U);
    EXPECT_TRUE(path.live().empty());
    EXPECT_EQ(next.live().size(), 1U);
}

/// Packets open, close and renew connections while they are moved, on another CPU.
TEST_F(Moving, each_connection_is_in_one_table_whatever_packets_do) {
    serve_both();
    for (std::uint16_t port = 2000; port < 2100; ++port) {
        ASSERT_EQ(send({held, port}, syn), "new_connection");
        ASSERT_EQ(send({held, port}, ack), "forwarded");
    }
    begin();
    std::atomic<bool> over = false;
    std::atomic<int> lost = 0;
    std::thread packets([&] {
        pin_to_cpu(1);
        const auto forward = [&](std::uint16_t port, std::uint8_t flags) {
            const auto packet = PacketBuilder::tcp({held, port}, vip, flags).build();
            if (path.run_quietly(Hook::tc, packet) == tc_redirect) return true;
            return next.run_quietly(Hook::tc, packet) == tc_redirect;
        };
        while (!over) {
            for (std::uint16_t port = 2000; port < 2100; ++port) {
                if (!forward(port, ack)) ++lost;
                if (port % 10 != 0) continue;
                forward(port, rst);
                if (!forward(port, syn)) ++lost;
                if (!forward(port, ack)) ++lost;
            }
        }
    });
    std::uint32_t passes = 0;
    while (path.live().size() > 0 && ++passes < 1000)
        move->run(false);
    over = true;
    packets.join();
    EXPECT_EQ(lost, 0);
    EXPECT_TRUE(path.live().empty());
    EXPECT_EQ(next.live().size(), 100U);
}

}  // namespace
}  // namespace shoal::dataplane::testing::pressure

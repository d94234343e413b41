#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/bpf/testing/pressure.h"
#include "dataplane/bpf/testing/service_options.h"

// A table that another one takes over from: it serves what it knows and leaves the rest to the
// programs behind it, without changing the packet.

namespace shoal::dataplane::testing::pressure {
namespace {

constexpr Endpoint known{"198.51.100.7", 5000};
constexpr Endpoint stranger{"198.51.100.8", 6000};
constexpr const char* left = "left_to_successor";

class Draining : public Pressure {
  protected:
    void drain() const { path.settings().draining = 1; }
    void expect_left(const PacketBuilder& packet) {
        const auto out = path.run(Hook::tc, packet);
        EXPECT_EQ(out.verdict, left);
        EXPECT_EQ(out.action, tc_unspec) << "filters behind see it";
        EXPECT_EQ(out.packet, packet.build());
        EXPECT_EQ(path.run(Hook::xdp, packet).verdict, "passed_up");
    }
};

TEST_F(Draining, known_connections_go_on_in_both_directions) {
    serve(translated);
    ASSERT_EQ(send(known, syn), "new_connection");
    drain();
    EXPECT_EQ(send(known, ack), "forwarded");
    const auto& connection = path.only_connection();
    const std::string real = "10.0.0." + std::to_string(connection.server + 1);
    const auto reply = PacketBuilder::tcp({real, 80}, known, syn | ack);
    EXPECT_THAT(path.run(Hook::tc, reply).verdict, ::testing::AnyOf("replied", "no_route"))
        << "known, whatever routes this machine has";
    EXPECT_EQ(send(known, fin | ack), "forwarded");
    expect_balanced_books();
}

TEST_F(Draining, new_connections_and_datagrams_are_left_to_the_successor) {
    serve(translated);
    drain();
    expect_left(PacketBuilder::tcp(stranger, vip, syn));
    EXPECT_TRUE(path.live().empty());
    expect_balanced_books();
}

TEST_F(Draining, what_belongs_to_no_connection_passes_and_changes_nothing) {
    serve(translated);
    drain();
    EXPECT_EQ(send(stranger, ack), left);
    EXPECT_EQ(send(stranger, rst), left);
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"10.0.0.1", 80}, stranger, ack)).verdict,
              "not_ours");
    EXPECT_TRUE(path.live().empty());
}

TEST_F(Draining, what_a_syn_replaces_is_ended_here_and_begins_there) {
    serve(translated);
    ASSERT_EQ(send(known, syn), "new_connection");
    ASSERT_EQ(send(known, ack), "forwarded");
    ASSERT_EQ(send(known, rst), "forwarded");
    drain();
    EXPECT_EQ(send(known, syn), left);
    EXPECT_TRUE(path.live().empty());
    path.sweep();
    path.sweep();
    expect_balanced_books();
}

TEST_F(Draining, under_a_template_of_this_table_connections_still_open) {
    set_persistence(path, serve(translated), 300);
    ASSERT_EQ(send(known, syn), "new_connection");
    drain();
    EXPECT_EQ(send({known.address, 5001}, syn), "new_connection");
    EXPECT_EQ(send({known.address, 5002}, ack), left) << "it may be the successor's";
    EXPECT_EQ(send(stranger, syn), left);
    EXPECT_EQ(path.live().size(), 2U);
    EXPECT_EQ(templates(path).size(), 1U) << "the stranger got none";
    expect_balanced_books();
}

TEST_F(Draining, a_full_table_serves_nobody_statelessly_any_more) {
    const auto service = serve(direct);
    fill_with_established();
    ASSERT_EQ(send(stranger, syn), "stateless");
    drain();
    EXPECT_EQ(send(stranger, ack), left);
    EXPECT_EQ(send(stranger, syn), left);
    set_persistence(path, service, 300);
    EXPECT_EQ(send(stranger, syn), left);
}

TEST_F(Draining, answers_without_a_record_are_the_successors) {
    const auto service = serve(translated);
    for (std::uint32_t server = 0; server < 3; ++server)
        add_origin(service, server);
    fill_with_established();
    ASSERT_EQ(send(stranger, syn), "stateless");
    drain();
    for (const char* real : {"10.0.0.1", "10.0.0.2", "10.0.0.3"})
        EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({real, 80}, stranger, syn | ack)).verdict,
                  "not_ours");
}

TEST_F(Draining, a_servers_ftp_data_connection_is_the_successors) {
    const auto service = path.add_service("192.0.2.21", 21, SHOAL_SCHEDULER_RR);
    path.set_pool(service, {{path.add_server(service, {.address = "10.0.0.1", .port = 21}), 1}});
    const Endpoint control{"192.0.2.21", 21};
    ASSERT_EQ(path.run(Hook::tc, PacketBuilder::tcp(known, control, syn)).verdict,
              "new_connection");
    drain();
    const auto data = PacketBuilder::tcp({"10.0.0.1", 20}, {known.address, 41000}, syn);
    EXPECT_EQ(path.run(Hook::tc, data).verdict, "not_ours");
    path.settings().draining = 0;
    EXPECT_NE(path.run(Hook::tc, data).verdict, "not_ours");
}

}  // namespace
}  // namespace shoal::dataplane::testing::pressure

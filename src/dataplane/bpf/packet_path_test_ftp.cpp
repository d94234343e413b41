#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "dataplane/bpf/testing/service_options.h"

// FTP: data connections that the client opens (passive) and that the real server opens (active).

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.21", 21};
constexpr Endpoint real_data{"10.0.0.1", 20};
constexpr Endpoint client_data{"198.51.100.7", 41000};

class Ftp : public ::testing::Test {
  protected:
    PacketPath path;
    std::uint32_t service = 0;

    void serve(shoal_method method = SHOAL_METHOD_NAT, std::uint16_t port = 21) {
        service = path.add_service("192.0.2.21", 21, SHOAL_SCHEDULER_RR);
        std::vector<Member> members;
        for (const char* address : {"10.0.0.1", "10.0.0.2"})
            members.push_back(
                {path.add_server(service, {.address = address, .port = port, .method = method}),
                 1});
        path.set_pool(service, members);
        // Active data connections of direct routing do not come through here, but may be seen.
        for (const char* address : {"10.0.0.1", "10.0.0.2"})
            path.set_filter_bit(false, address);
    }
    Outcome open_control(std::uint16_t port = 40000) {
        return path.run(Hook::tc, PacketBuilder::tcp({client.address, port}, vip, syn));
    }
    std::string data_verdict(Endpoint from = real_data, Endpoint to = client_data,
                             std::uint8_t flags = syn) {
        return path.run(Hook::tc, PacketBuilder::tcp(from, to, flags)).verdict;
    }
    void end_controls() {
        for (auto& cell : path.connections())
            if (cell.virtual_port == htons(21)) cell.seen -= 1000 * path.settings().hz;
        path.sweep();
    }
};

TEST_F(Ftp, a_servers_data_connection_leaves_as_the_virtual_servers_port_20) {
    serve();
    open_control();
    const auto packet = PacketBuilder::tcp(real_data, client_data, syn);
    EXPECT_EQ(path.run(Hook::xdp, packet).verdict, "passed_up");
    const auto out = path.run(Hook::tc, packet);
    EXPECT_EQ(out.verdict, "replied");
    EXPECT_EQ(out.action, tc_redirect);
    EXPECT_EQ(out.packet, PacketBuilder::tcp({"192.0.2.21", 20}, client_data, syn).ttl(63).build());
    const auto back =
        path.run(Hook::xdp, PacketBuilder::tcp(client_data, {"192.0.2.21", 20}, syn | ack));
    EXPECT_EQ(back.verdict, "forwarded");
    EXPECT_EQ(back.packet, PacketBuilder::tcp(client_data, real_data, syn | ack)
                               .ttl(63)
                               .macs(server_mac, director_mac)
                               .build());
    EXPECT_EQ(path.live().size(), 2U);
    EXPECT_EQ(path.active(0), 2U);
    EXPECT_EQ(path.service_counters(service).connections, 2U);
    EXPECT_EQ(path.service_counters(service).packets_out, 1U);
}

TEST_F(Ftp, a_data_connection_begins_as_the_server_s_syn_and_goes_on) {
    serve();
    open_control();
    data_verdict();
    const auto data = [&] {
        for (const auto* connection : path.live())
            if (connection->virtual_port == htons(20))
                return connection->word & SHOAL_WORD_STATE_MASK;
        return ~0U;
    };
    EXPECT_EQ(data(), SHOAL_STATE_SYN_SENT);
    path.run(Hook::tc, PacketBuilder::tcp(client_data, {"192.0.2.21", 20}, syn | ack));
    EXPECT_EQ(data(), SHOAL_STATE_ESTABLISHED);
    EXPECT_EQ(data_verdict(real_data, client_data, ack), "replied");
    EXPECT_EQ(data_verdict(real_data, client_data, fin | ack), "replied");
    EXPECT_EQ(data(), SHOAL_STATE_FIN_WAIT);
    EXPECT_EQ(path.active(0), 1U);
    EXPECT_EQ(path.inactive(0), 1U);
}

TEST_F(Ftp, nothing_else_of_a_server_is_translated) {
    serve();
    EXPECT_EQ(data_verdict(), "not_ours") << "no control connection";
    open_control();
    EXPECT_EQ(data_verdict({"10.0.0.2", 20}), "not_ours") << "another real server's client";
    EXPECT_EQ(data_verdict(real_data, {"198.51.100.8", 41000}), "not_ours") << "another client";
    EXPECT_EQ(data_verdict({"10.0.0.1", 22}), "not_ours");
    EXPECT_EQ(data_verdict(real_data, client_data, ack), "not_ours");
    EXPECT_EQ(data_verdict(real_data, client_data, syn | ack), "not_ours");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(real_data, client_data)).verdict, "not_ours");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(real_data, client_data, syn).ttl(1)).verdict,
              "not_ours");
    EXPECT_EQ(path.live().size(), 1U);
}

TEST_F(Ftp, the_entry_counts_control_connections_and_goes_with_the_last) {
    serve();
    path.set_pool(service, {{0, 1}});
    open_control(40000);
    open_control(40001);
    ASSERT_EQ(ftp_controls(path).size(), 1U);
    EXPECT_EQ(ftp_controls(path)[0].connections, 2U);
    EXPECT_EQ(ftp_controls(path)[0].server, 0U);
    EXPECT_EQ(ftp_controls(path)[0].service, service);
    for (auto& cell : path.connections())
        if (cell.client_port == htons(40000)) cell.seen -= 1000 * path.settings().hz;
    path.sweep();
    ASSERT_EQ(ftp_controls(path).size(), 1U);
    EXPECT_EQ(ftp_controls(path)[0].connections, 1U);
    EXPECT_EQ(data_verdict(), "replied");
    end_controls();
    EXPECT_TRUE(ftp_controls(path).empty());
    EXPECT_EQ(data_verdict(real_data, {"198.51.100.7", 41001}), "not_ours");
    EXPECT_EQ(data_verdict(real_data, client_data, ack), "replied") << "what is open goes on";
}

TEST_F(Ftp, direct_routing_keeps_no_entries) {
    serve(SHOAL_METHOD_DIRECT);
    open_control();
    EXPECT_TRUE(ftp_controls(path).empty());
    EXPECT_EQ(data_verdict(), "not_ours");
}

TEST_F(Ftp, other_ports_keep_no_entries) {
    path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, {"192.0.2.80", 80}, syn));
    EXPECT_TRUE(ftp_controls(path).empty());
}

TEST_F(Ftp, the_data_connection_of_a_client_that_shares_a_filter_bit_is_opened) {
    serve();
    open_control();
    path.set_filter_bit(true, std::string(client.address));
    EXPECT_EQ(data_verdict(), "replied");
}

TEST_F(Ftp, a_full_table_opens_no_data_connection) {
    pin_to_cpu(0);
    PacketPath small(64);
    const auto ftp = small.add_service("192.0.2.21", 21, SHOAL_SCHEDULER_RR);
    small.set_pool(ftp, {{small.add_server(ftp, {"10.0.0.1", 21}), 1}});
    for (std::uint16_t port = 1; port < 64; ++port)
        small.run(Hook::tc,
                  PacketBuilder::tcp({client.address, std::uint16_t(1024 + port)}, vip, syn));
    EXPECT_EQ(ftp_controls(small)[0].connections, 63U);
    const auto outcome = small.run(Hook::tc, PacketBuilder::tcp(real_data, client_data, syn));
    EXPECT_EQ(outcome.verdict, "table_full");
    EXPECT_EQ(outcome.action, tc_shot);
    EXPECT_EQ(small.active(0), 63U);
}

TEST_F(Ftp, passive_data_goes_where_the_control_connection_went) {
    serve(SHOAL_METHOD_NAT, 2121);
    set_persistence(path, service, 300);
    add_ports(path, service, "192.0.2.21", 20, 20);
    add_ports(path, service, "192.0.2.21", 1024, 65535);
    const auto control = open_control();
    EXPECT_EQ(control.packet[36] << 8 | control.packet[37], 2121);
    path.run(Hook::tc, PacketBuilder::tcp({"198.51.100.8", 40000}, vip, syn));
    const auto data =
        path.run(Hook::xdp, PacketBuilder::tcp(client_data, {"192.0.2.21", 50123}, syn));
    EXPECT_EQ(data.verdict, "new_connection");
    EXPECT_EQ(data.packet[33], 1) << "10.0.0.1";
    EXPECT_EQ(data.packet[36] << 8 | data.packet[37], 50123) << "only port 21 is translated";
    EXPECT_EQ(path.active(0), 2U);
    EXPECT_EQ(path.active(1), 1U);
}

}  // namespace
}  // namespace shoal::dataplane::testing

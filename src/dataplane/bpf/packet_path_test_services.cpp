#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "dataplane/bpf/testing/service_options.h"

// Which virtual server a packet belongs to, who may open a connection, and what it then opens.

namespace shoal::dataplane::testing {
namespace {

constexpr Endpoint client{"198.51.100.7", 40000};
constexpr Endpoint vip{"192.0.2.80", 80};

Endpoint at_port(std::uint16_t port) {
    return {"192.0.2.80", port};
}

class Services : public ::testing::Test {
  protected:
    PacketPath path;

    std::string verdict(const PacketBuilder& packet) {
        return path.run(++runs_ % 2 ? Hook::tc : Hook::xdp, packet).verdict;
    }
    std::uint16_t sent_to_port(const Bytes& packet) {
        return static_cast<std::uint16_t>(packet[36] << 8 | packet[37]);
    }
    /// A service of one server; -1 where the packet opened none.
    std::uint32_t single(std::uint32_t service, RealServer server = {"10.0.0.1", 0}) {
        path.set_pool(service, {{path.add_server(service, server), 1}});
        return service;
    }
    int service_of(const PacketBuilder& packet) {
        std::map<std::uint32_t, std::uint64_t> before;
        for (std::uint32_t service = 0; service < 8; ++service)
            before[service] = path.service_counters(service).connections;
        verdict(packet);
        for (const auto& [service, count] : before)
            if (path.service_counters(service).connections != count)
                return static_cast<int>(service);
        return -1;
    }

  private:
    int runs_ = 0;
};

TEST_F(Services, a_range_of_ports_is_one_service) {
    const auto service = single(path.add_service("192.0.2.80", 8000, SHOAL_SCHEDULER_RR));
    add_ports(path, service, "192.0.2.80", 7999, 8100);
    for (const auto port : std::initializer_list<std::uint16_t>{7999, 8001, 8063, 8064, 8100}) {
        const auto outcome = path.run(Hook::xdp, PacketBuilder::tcp(client, at_port(port), syn));
        EXPECT_EQ(outcome.verdict, "new_connection") << port;
        EXPECT_EQ(sent_to_port(outcome.packet), port) << "a real server of port 0 keeps the port";
    }
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, at_port(7998), syn)).verdict,
              "no_service");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp(client, at_port(8101), syn)).verdict,
              "no_service");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(client, at_port(8001))).verdict, "no_service");
}

TEST_F(Services, replies_of_a_kept_port_come_from_it) {
    const auto service = single(path.add_service("192.0.2.80", 8000, SHOAL_SCHEDULER_RR));
    add_ports(path, service, "192.0.2.80", 8000, 8100);
    path.run(Hook::tc, PacketBuilder::tcp(client, at_port(8042), syn));
    const auto reply =
        path.run(Hook::tc, PacketBuilder::tcp({"10.0.0.1", 8042}, client, syn | ack));
    EXPECT_EQ(reply.verdict, "replied");
    EXPECT_EQ(reply.packet[34] << 8 | reply.packet[35], 8042);
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"10.0.0.1", 8043}, client, ack)).verdict,
              "not_ours");
}

TEST_F(Services, a_server_port_holds_for_the_whole_range) {
    const auto service =
        single(path.add_service("192.0.2.80", 8000, SHOAL_SCHEDULER_RR), {"10.0.0.1", 9000});
    add_ports(path, service, "192.0.2.80", 8000, 8100);
    const auto outcome = path.run(Hook::tc, PacketBuilder::tcp(client, at_port(8042), syn));
    EXPECT_EQ(sent_to_port(outcome.packet), 9000);
}

TEST_F(Services, a_single_port_goes_before_ranges_and_they_before_any_port) {
    const auto any = single(path.add_service("192.0.2.80", 0, SHOAL_SCHEDULER_RR));
    add_ports(path, any, "192.0.2.80", 0, 7999);
    add_ports(path, any, "192.0.2.80", 8101, 65535);
    const auto range = single(path.add_service("192.0.2.80", 8000, SHOAL_SCHEDULER_RR));
    add_ports(path, range, "192.0.2.80", 8000, 8100);
    const auto one = single(path.add_service("192.0.2.80", 8042, SHOAL_SCHEDULER_RR));
    const auto opened_by = [&](std::uint16_t port) {
        return service_of(PacketBuilder::tcp(client, at_port(port), syn));
    };
    EXPECT_EQ(opened_by(8042), static_cast<int>(one));
    EXPECT_EQ(opened_by(8041), static_cast<int>(range));
    EXPECT_EQ(opened_by(1), static_cast<int>(any));
    EXPECT_EQ(opened_by(65535), static_cast<int>(any));
    EXPECT_EQ(service_of(PacketBuilder::tcp(client, {"192.0.2.81", 8041}, syn)), -1);
}

TEST_F(Services, a_mark_bundles_addresses_ports_and_protocols) {
    const auto mark = single(add_mark(path, 80, SHOAL_SCHEDULER_RR));
    add_ports(path, mark, "192.0.2.80", 80, 80);
    add_ports(path, mark, "192.0.2.81", 443, 450);
    add_ports(path, mark, "192.0.2.81", 53, 53, 17);
    for (const auto& packet : {PacketBuilder::tcp(client, {"192.0.2.80", 80}, syn),
                               PacketBuilder::tcp(client, {"192.0.2.81", 447}, syn),
                               PacketBuilder::udp(client, {"192.0.2.81", 53})})
        EXPECT_EQ(service_of(packet), static_cast<int>(mark));
    EXPECT_EQ(service_of(PacketBuilder::tcp(client, {"192.0.2.81", 53}, syn)), -1);
    EXPECT_EQ(path.active(0), 2U);
    EXPECT_EQ(path.inactive(0), 1U);
}

TEST_F(Services, client_port_20_opens_nothing) {
    path.serve({{"10.0.0.1"}});
    const auto packet = PacketBuilder::tcp({client.address, 20}, vip, syn);
    EXPECT_EQ(path.run(Hook::xdp, packet).verdict, "passed_up");
    EXPECT_EQ(path.run(Hook::tc, packet).verdict, "no_connection");
    EXPECT_TRUE(path.live().empty());
}

TEST_F(Services, access_lists_go_by_the_longest_prefix) {
    const auto service = path.serve({{"10.0.0.1"}});
    add_access(path, service, "198.51.0.0", 16, false);
    add_access(path, service, "198.51.100.0", 24, true);
    add_access(path, service, "198.51.100.66", 32, false);
    const auto from = [](const char* address) {
        return PacketBuilder::tcp({address, 40000}, vip, syn);
    };
    EXPECT_EQ(verdict(from("198.51.100.7")), "new_connection");
    EXPECT_EQ(verdict(from("198.51.100.66")), "denied");
    EXPECT_EQ(verdict(from("198.51.101.7")), "denied");
    EXPECT_EQ(verdict(from("203.0.113.7")), "new_connection") << "of no prefix";
    path.service(service).flags |= SHOAL_SERVICE_CLOSED;
    EXPECT_EQ(verdict(from("203.0.113.8")), "denied");
    EXPECT_EQ(verdict(from("198.51.100.8")), "new_connection");
}

TEST_F(Services, access_lists_belong_to_their_service) {
    const auto first = single(path.add_service("192.0.2.80", 80, SHOAL_SCHEDULER_RR));
    const auto second = single(path.add_service("192.0.2.80", 81, SHOAL_SCHEDULER_RR));
    add_access(path, first, "0.0.0.0", 0, false);
    add_access(path, second, "203.0.113.0", 24, false);
    EXPECT_EQ(verdict(PacketBuilder::tcp(client, at_port(80), syn)), "denied");
    EXPECT_EQ(verdict(PacketBuilder::tcp(client, at_port(81), syn)), "new_connection");
    path.service(first).flags &= ~std::uint32_t{SHOAL_SERVICE_ACCESS};
    EXPECT_EQ(verdict(PacketBuilder::tcp(client, at_port(80), syn)), "new_connection");
}

TEST_F(Services, access_lists_leave_open_connections_alone) {
    const auto service = path.serve({{"10.0.0.1"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    add_access(path, service, "198.51.100.0", 24, false);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(verdict(PacketBuilder::tcp(client, vip, syn)), "forwarded");
        EXPECT_EQ(verdict(PacketBuilder::tcp(client, vip, ack)), "forwarded");
    }
}

TEST_F(Services, one_packet_scheduling_leaves_no_connection) {
    const auto service = path.serve({{"10.0.0.1"}, {"10.0.0.2"}}, SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    for (std::uint8_t i = 0; i < 8; ++i) {
        EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::udp(client, vip)).verdict, "passed_up");
        const auto outcome = path.run(Hook::tc, PacketBuilder::udp(client, vip));
        EXPECT_EQ(outcome.verdict, "new_connection");
        EXPECT_EQ(outcome.packet, PacketBuilder::udp(client, {i % 2 ? "10.0.0.2" : "10.0.0.1", 80})
                                      .ttl(63)
                                      .macs(server_mac, director_mac)
                                      .build());
    }
    EXPECT_TRUE(path.live().empty());
    EXPECT_EQ(path.free_cells(), path.cells() - 1);
    for (std::uint32_t server = 0; server < 2; ++server) {
        EXPECT_EQ(path.load(server), 0U);
        EXPECT_EQ(path.server_counters(server).connections, 4U);
        EXPECT_EQ(path.server_counters(server).packets_in, 4U);
    }
    EXPECT_EQ(path.service_counters(service).connections, 8U);
    EXPECT_EQ(path.service_counters(service).bytes_in, 8U * 33);
}

TEST_F(Services, one_packet_scheduling_by_direct_routing_keeps_the_addresses) {
    const auto service =
        path.serve({{.address = "10.0.0.1", .port = 5353, .method = SHOAL_METHOD_DIRECT}},
                   SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(client, vip)).packet,
              PacketBuilder::udp(client, vip).ttl(63).macs(server_mac, director_mac).build());
}

TEST_F(Services, one_packet_scheduling_leaves_unresolved_next_hops_to_tc) {
    const auto service =
        path.serve({{.address = "10.0.0.1", .mac_known = false}}, SHOAL_SCHEDULER_RR, 17);
    path.service(service).flags |= SHOAL_SERVICE_ONE_PACKET;
    EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::udp(client, vip)).verdict, "passed_up");
    EXPECT_EQ(path.service_counters(service).connections, 0U);
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::udp(client, vip)).action, tc_redirect);
    EXPECT_EQ(path.service_counters(service).connections, 1U);
}

TEST_F(Services, one_packet_scheduling_is_for_datagrams) {
    const auto mark = single(add_mark(path, 53, SHOAL_SCHEDULER_RR));
    add_ports(path, mark, "192.0.2.80", 53, 53);
    path.service(mark).flags |= SHOAL_SERVICE_ONE_PACKET;
    EXPECT_EQ(verdict(PacketBuilder::tcp(client, at_port(53), syn)), "new_connection");
    EXPECT_EQ(path.live().size(), 1U);
}

TEST_F(Services, a_connection_takes_the_load_epoch_of_its_opening) {
    const auto service = path.serve({{"10.0.0.1"}});
    path.service(service).load_epoch = 7;
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    EXPECT_EQ(path.only_connection().load_epoch, 7U);
}

// ---- Servers that get no new connections
// ---------------------------------------------------------

TEST_F(Services, a_removed_server_may_keep_its_connections) {
    const auto service = path.serve({{"10.0.0.1"}, {"10.0.0.2"}});
    path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
    path.server(0).flags = SHOAL_SERVER_IN_USE | SHOAL_SERVER_NEXT_HOP_KNOWN | SHOAL_SERVER_KEPT;
    path.set_pool(service, {{1, 1}});
    for (const auto hook : {Hook::xdp, Hook::tc})
        EXPECT_EQ(path.run(hook, PacketBuilder::tcp(client, vip, ack)).verdict, "forwarded");
    EXPECT_EQ(path.run(Hook::tc, PacketBuilder::tcp({"10.0.0.1", 80}, client, ack)).verdict,
              "replied");
    EXPECT_EQ(path.only_connection().server, 0U);
    EXPECT_EQ(path.run(Hook::xdp, PacketBuilder::tcp(client, vip, syn)).verdict, "new_connection")
        << "a new one on the same ports";
    EXPECT_EQ(path.only_connection().server, 1U);
    EXPECT_EQ(path.load(0), 0U);
}

TEST_F(Services, a_quiesced_server_keeps_its_connections_but_no_syn) {
    for (const auto hook : {Hook::xdp, Hook::tc}) {
        PacketPath fresh;
        const auto service = fresh.serve({{"10.0.0.1"}, {"10.0.0.2"}});
        fresh.run(hook, PacketBuilder::tcp(client, vip, syn));
        fresh.run(hook, PacketBuilder::tcp(client, vip, ack));
        fresh.set_pool(service, {{0, 0}, {1, 1}});
        EXPECT_EQ(fresh.run(hook, PacketBuilder::tcp(client, vip, ack)).verdict, "forwarded");
        EXPECT_EQ(fresh.run(hook, PacketBuilder::tcp(client, vip, syn)).verdict, "new_connection");
        EXPECT_EQ(fresh.only_connection().server, 1U);
        EXPECT_EQ(fresh.load(0), 0U);
        EXPECT_EQ(fresh.run(hook, PacketBuilder::tcp(client, vip, syn)).verdict, "forwarded");
    }
}

}  // namespace
}  // namespace shoal::dataplane::testing

#include <gtest/gtest.h>

#include "dataplane/bpf/testing/network.h"
#include "dataplane/bpf/testing/pressure.h"

// ICMP errors about flows that are served without a record.

namespace shoal::dataplane::testing::pressure {
namespace {

constexpr Endpoint client{"203.0.113.1", 5000};

struct Way {
    Way() {
        network.add_route(std::string(client.address) + "/32", "172.31.0.2");
        network.add_neighbour("172.31.0.2", client_mac);
    }
    Network network;
};

class StatelessErrors : public Way, public Pressure {
  protected:
    /// The packet that the client's first one became.
    Bytes serve_client(const std::vector<RealServer>& servers) {
        const auto service = serve(servers);
        for (std::uint32_t server = 0; server < servers.size(); ++server)
            add_origin(service, server);
        fill_with_established();
        const auto outcome = path.run(Hook::tc, PacketBuilder::tcp(client, vip, syn));
        EXPECT_EQ(outcome.verdict, "stateless");
        return outcome.packet;
    }
    Outcome run_error(std::string_view from, std::string_view to, const Bytes& about) {
        auto error = PacketBuilder::icmp(from, to, 3, 4, 1300, quote(about, 28));
        return path.run(Hook::tc, error.macs(network.mac(), server_mac).build(), network.device());
    }
    void expect_to_server_of_flow(const std::vector<RealServer>& servers) {
        const Bytes first = serve_client(servers);
        const auto outcome =
            run_error("203.0.113.250", vip.address, PacketBuilder::tcp(vip, client, ack).build());
        EXPECT_EQ(outcome.verdict, "icmp_to_server");
        EXPECT_EQ(outcome.packet.at(5), first.at(5)) << "the server's MAC";
    }
};

TEST_F(StatelessErrors, reach_the_direct_routing_server_of_the_flow) {
    expect_to_server_of_flow(direct);
}

TEST_F(StatelessErrors, reach_the_translated_server_of_the_flow) {
    expect_to_server_of_flow(translated);
}

TEST_F(StatelessErrors, of_real_servers_reach_the_client) {
    const Bytes sent = serve_client(translated);
    const auto outcome = run_error("10.0.0.200", client.address, sent);
    EXPECT_EQ(outcome.verdict, "icmp_to_client");
    EXPECT_EQ(outcome.packet,
              PacketBuilder::icmp(vip.address, client.address, 3, 4, 1300,
                                  quote(PacketBuilder::tcp(client, vip, syn).ttl(63).build(), 28))
                  .ttl(63)
                  .macs(client_mac, network.mac())
                  .build());
}

TEST_F(StatelessErrors, about_the_directors_own_packets_are_left_to_it) {
    serve_client(translated);
    const auto about = PacketBuilder::tcp({"172.31.0.1", 4000}, {"10.0.0.1", 80}, syn).build();
    EXPECT_EQ(run_error("10.0.0.1", "172.31.0.1", about).verdict, "not_ours");
}

TEST_F(StatelessErrors, end_with_the_memory_of_stateless_service) {
    serve_client(direct);
    set_stateless_time(0, 0);
    EXPECT_EQ(run_error("203.0.113.250", vip.address, PacketBuilder::tcp(vip, client, ack).build())
                  .verdict,
              "not_balanced");
}

}  // namespace
}  // namespace shoal::dataplane::testing::pressure
